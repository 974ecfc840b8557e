/* SPDX-License-Identifier: MIT */
/*
 * start.c - from the machine's command line to main().
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "bare/words.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 4096 /* arch_command_line() is shorter */

int main(int argc, char **argv);

/* Of C++'s static objects: the linker's script puts the constructors before the destructors. */
extern void (*const image_constructors[])(void);
extern void (*const image_constructors_end[])(void);
extern void (*const image_destructors_end[])(void);

static void construct(void)
{
	void (*const *each)(void) = image_constructors;

	while ((uintptr_t)each < (uintptr_t)image_constructors_end)
		(*each++)();
}

static void destruct(void)
{
	void (*const *each)(void) = image_destructors_end;

	while ((uintptr_t)each > (uintptr_t)image_constructors_end)
		(*--each)();
}

_Noreturn void bare_main(void)
{
	static char name[32], text[LINE_BYTES];
	static char *argv[1 + BARE_WORDS + 1];
	const char *line = arch_command_line(), *wrong = "more than 4095 bytes";
	int words = BARE_WORDS, error = BARE_WORDS_TOO_LONG, status;

	if (line != NULL) {
		error = bare_words_split(line, text, sizeof(text), argv + 1, &words);
		wrong = bare_words_error_text(error);
	}
	if (error != 0) {
		fprintf(stderr, "%s: command line: %s\n", bare_name, wrong);
		exit(2);
	}
	snprintf(name, sizeof(name), "%s", bare_name);
	argv[0] = name;
	argv[1 + words] = NULL;
	construct();
	status = main(1 + words, argv);
	destruct();
	exit(status);
}
