/* SPDX-License-Identifier: MIT */
/*
 * args.c - from a command line to words.
 */
#include "bare/newlib/bare.h"

#include <stdbool.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int bare_args_split(const char *line, char *buffer, size_t size, char **words, int count)
{
	size_t used = 0;
	int found = 0;

	for (;;) {
		bool quoted = false;

		while (is_blank(*line))
			line++;
		if (*line == '\0')
			return found;
		if (found == count)
			return BARE_ARGS_TOO_MANY;
		words[found++] = buffer + used;
		for (; *line != '\0' && (quoted || !is_blank(*line)); line++) {
			if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (used == size)
				return BARE_ARGS_TOO_LONG;
			buffer[used++] = *line;
		}
		if (quoted)
			return BARE_ARGS_OPEN_QUOTE;
		if (used == size)
			return BARE_ARGS_TOO_LONG;
		buffer[used++] = '\0';
	}
}
