/* SPDX-License-Identifier: MIT */
/*
 * args.h - argc and argv from a UEFI command line.
 *
 * The command line is LoadOptions of the loaded image (UEFI Specification 2.10, 9.1): what the user
 * typed in the UEFI Shell, QEMU's -append, or the optional data of a Boot#### entry. Its content
 * can be anything; only its address and its size are trusted.
 */
#ifndef ARGS_H
#define ARGS_H

#include "bare/words.h"

#include <stdint.h>

#define ARGS_WORDS (1 + BARE_WORDS) /* words at most, with the program's name */
#define ARGS_BYTES 1024             /* UTF-8 bytes at most, with a NUL behind each word */

struct args {
	int argc;
	char *argv[ARGS_WORDS + 1]; /* argv[0] is "ivsh"; NULL behind the last */
	char text[ARGS_BYTES];      /* the words */
	char program[5];
};

/*
 * Split (size) bytes of UCS-2 at (options) into words, as bare_words_split() does. A first word
 * that names this program, as the shell passes it (FS0:\ivsh.efi, ivsh), is left out: argv[0] is
 * "ivsh" in any case.
 *
 * options: any alignment; NULL: no words. Read up to the first NUL or (size), whichever is first;
 * an odd last byte is ignored.
 *
 * Answers NULL, or a phrase that says why the line cannot be split; (args) then has the words
 * before the error.
 */
const char *args_split(struct args *args, const void *options, uint32_t size);

#endif
