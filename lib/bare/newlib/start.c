/* SPDX-License-Identifier: MIT */
/*
 * start.c - from the machine's command line to main().
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 4096 /* arch_command_line() is shorter */

int main(int argc, char **argv);

static const char *problem(int error)
{
	switch (error) {
	case BARE_ARGS_OPEN_QUOTE:
		return "a quote is not closed";
	case BARE_ARGS_TOO_MANY:
		return "more than 63 words";
	default:
		return "more than 4095 bytes";
	}
}
_Static_assert(BARE_WORDS == 63, "the text says so");

_Noreturn void bare_main(void)
{
	static char name[32], text[LINE_BYTES];
	static char *argv[1 + BARE_WORDS + 1];
	const char *line = arch_command_line();
	int words = BARE_ARGS_TOO_LONG;

	if (line != NULL)
		words = bare_args_split(line, text, sizeof text, argv + 1, BARE_WORDS);
	if (words < 0) {
		fprintf(stderr, "%s: command line: %s\n", bare_name, problem(words));
		exit(2);
	}
	snprintf(name, sizeof name, "%s", bare_name);
	argv[0] = name;
	argv[1 + words] = NULL;
	exit(main(1 + words, argv));
}
