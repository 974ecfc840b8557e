/* SPDX-License-Identifier: MIT */
/*
 * bare.h - what stands between arch.h and a program with a main() over newlib.
 */
#ifndef BARE_H
#define BARE_H

#include <stddef.h>

/* What argv[0] is to be: a program defines it, or is "guest" (name.c). */
extern const char bare_name[];

/* Words of a command line at most, the program's name not counted. */
#define BARE_WORDS 63

enum bare_args {
	BARE_ARGS_OPEN_QUOTE = -1, /* the line ends inside quotes */
	BARE_ARGS_TOO_MANY = -2,   /* more words than (words) has room for */
	BARE_ARGS_TOO_LONG = -3,   /* more bytes than (buffer) has room for */
};

/*
 * Split (line) into words. Blanks separate words; between "double quotes" a blank is part of the
 * word, and "" is an empty word. There is no way to write a quote itself.
 *
 * The words are put into (buffer) of (size) bytes, the pointers to them into (words), which
 * has room for (count).
 *
 * Answers the number of words, or an enum bare_args: then what is in (words) is of no use.
 */
int bare_args_split(const char *line, char *buffer, size_t size, char **words, int count);

#endif
