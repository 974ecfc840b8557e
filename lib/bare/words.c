/* SPDX-License-Identifier: MIT */
/*
 * words.c - a command line split into words, the same on bare metal and under UEFI.
 */
#include "bare/words.h"

#include <stdbool.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The words may overwrite the line: what is written is never ahead of what has been read. So the
 * blank behind a word is passed over before the NUL, which may fall on it, is written.
 */
int bare_words_split(const char *line, char *buffer, size_t size, char **words, int *count)
{
	size_t used = 0;
	int max = *count;

	for (*count = 0;; ++*count) {
		bool quoted = false;

		while (is_blank(*line))
			line++;
		if (*line == '\0')
			return 0;
		if (*count == max)
			return BARE_WORDS_TOO_MANY;
		words[*count] = buffer + used;
		for (; *line != '\0' && (quoted || !is_blank(*line)); line++) {
			if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (used == size)
				return BARE_WORDS_TOO_LONG;
			buffer[used++] = *line;
		}
		if (quoted)
			return BARE_WORDS_OPEN_QUOTE;
		if (*line != '\0')
			line++;
		if (used == size)
			return BARE_WORDS_TOO_LONG;
		buffer[used++] = '\0';
	}
}

const char *bare_words_error_text(int error)
{
	switch (error) {
	case BARE_WORDS_OPEN_QUOTE:
		return "a quote is not closed";
	case BARE_WORDS_TOO_MANY:
		return "more than 63 words";
	default:
		return "too long";
	}
}
_Static_assert(BARE_WORDS == 63, "the text says so");
