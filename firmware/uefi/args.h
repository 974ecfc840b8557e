/* SPDX-License-Identifier: MIT */
/*
 * args.h - from a UEFI command line to argc and argv.
 *
 * The command line is LoadOptions of the loaded image (UEFI Specification 2.10, 9.1): what was
 * typed in the UEFI Shell, QEMU's -append, or the optional data of a Boot#### entry. Whoever
 * starts the image decides what is in it, so nothing about it is believed but its address and its
 * size.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stdint.h>

#define ARGS_WORDS 64   /* words at most, the program's name included */
#define ARGS_BYTES 1024 /* UTF-8 bytes at most, the ends of the words included */

struct args {
	int argc;
	char *argv[ARGS_WORDS + 1]; /* argv[0] is "ivsh"; NULL behind the last */
	char text[ARGS_BYTES];      /* the words */
	char program[5];
};

/*
 * Split (size) bytes of UCS-2 at (options) into words. Blanks separate words; between "double
 * quotes" a blank is part of the word, and "" is an empty word. There is no way to write a quote
 * itself. A first word that names this program, as the shell passes it (FS0:\ivsh.efi, ivsh), is
 * left out: argv[0] is "ivsh" in any case.
 *
 * options: any alignment; NULL: no words. Read up to the first NUL or (size), whichever is first;
 * an odd last byte is not looked at.
 *
 * Answers NULL, or a phrase that says why it cannot be split: (args) has the words before that
 * then.
 */
const char *args_split(struct args *args, const void *options, uint32_t size);

#endif
