/* SPDX-License-Identifier: MIT */
/*
 * words.h - a command line split into words, the same on bare metal and under UEFI.
 */
#ifndef BARE_WORDS_H
#define BARE_WORDS_H

#include <stddef.h>

/* Words of a command line at most, without the program's name. */
#define BARE_WORDS 63

enum bare_words_error {
	BARE_WORDS_OPEN_QUOTE = -1, /* the line ends inside quotes */
	BARE_WORDS_TOO_MANY = -2,   /* the line has more than BARE_WORDS words */
	BARE_WORDS_TOO_LONG = -3,   /* the words need more bytes than the buffer has */
};

/*
 * Split (line) into words. Blanks separate words; between "double quotes" a blank is part of the
 * word, and "" is an empty word. There is no way to write a quote itself.
 *
 * The words are stored in (buffer) of (size) bytes, which may be (line) itself, and the pointers to
 * them in (words). (count) is the number of pointers that fit there; on return, errors included, it
 * is the number of complete words.
 *
 * Answers 0 or an enum bare_words_error. After an error, (words) has the words before it.
 */
int bare_words_split(const char *line, char *buffer, size_t size, char **words, int *count);

/* What an error means, as a phrase for the user. */
const char *bare_words_error_text(int error);

#endif
