/* SPDX-License-Identifier: MIT */
/*
 * args.c - argc and argv from a UEFI command line.
 */
#include "uefi/args.h"

#include "bare/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Append one UCS-2 character as UTF-8. Answers the new length, or 0 if it does not fit. */
static size_t append(char *text, size_t length, uint16_t unit)
{
	size_t width = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;

	if (width >= ARGS_BYTES - length) /* the NUL comes behind */
		return 0;
	if (unit < 0x80) {
		text[length++] = (char)unit;
	} else if (unit < 0x800) {
		text[length++] = (char)(0xc0 | unit >> 6);
		text[length++] = (char)(0x80 | (unit & 0x3f));
	} else {
		text[length++] = (char)(0xe0 | unit >> 12);
		text[length++] = (char)(0x80 | (unit >> 6 & 0x3f));
		text[length++] = (char)(0x80 | (unit & 0x3f));
	}
	return length;
}

/* Copy as much of the command line to args->text as fits. False: that is not all of it. */
static bool copy(struct args *args, const uint8_t *options, uint32_t size)
{
	size_t length = 0, next = 1;

	for (uint32_t i = 0; size - i >= 2; i += 2) {
		uint16_t unit = (uint16_t)(options[i] | options[i + 1] << 8);

		if (unit == 0)
			break;
		if (unit >= 0xd800 && unit < 0xe000)
			unit = '?'; /* surrogates are not UCS-2 */
		next = append(args->text, length, unit);
		if (next == 0)
			break;
		length = next;
	}
	args->text[length] = 0;
	return next != 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same(const char *a, const char *b)
{
	while (*a != 0 && lower(*a) == *b) {
		a++;
		b++;
	}
	return lower(*a) == *b;
}

/* Whether the last part of the path is "ivsh", or any name that ends in ".efi". */
static bool names_program(const char *word)
{
	size_t length = strlen(word);
	const char *last = word;

	for (const char *p = word; *p != 0; p++)
		if (*p == '\\' || *p == '/' || *p == ':')
			last = p + 1;
	return same(last, "ivsh") || (length > 4 && same(word + length - 4, ".efi"));
}

const char *args_split(struct args *args, const void *options, uint32_t size)
{
	int words = BARE_WORDS, error;
	const char *wrong = NULL;
	bool fits = true;

	memcpy(args->program, "ivsh", sizeof(args->program));
	args->text[0] = 0;
	if (options != NULL)
		fits = copy(args, options, size);
	error = bare_words_split(args->text, args->text, ARGS_BYTES, args->argv + 1, &words);
	if (error != 0)
		wrong = bare_words_error_text(error);
	if (!fits)
		wrong = "more than 1023 bytes";
	args->argv[0] = args->program;
	args->argc = 1 + words;
	if (args->argc > 1 && names_program(args->argv[1])) {
		args->argc--;
		for (int i = 1; i < args->argc; i++)
			args->argv[i] = args->argv[i + 1];
	}
	args->argv[args->argc] = NULL;
	return wrong;
}
