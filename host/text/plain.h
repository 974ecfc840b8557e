/* SPDX-License-Identifier: MIT */
/*
 * plain.h - a stranger's stream of bytes for a terminal: its text, and nothing that steers one.
 */
#ifndef TEXT_PLAIN_H
#define TEXT_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the last bytes began. All zeroes: the begin. */
struct plain {
	enum {
		PLAIN_TEXT,
		PLAIN_ESCAPE,   /* ESC has come */
		PLAIN_SEQUENCE, /* ESC [: up to its final byte */
		PLAIN_STRING, /* ESC ], ESC P and others: up to BEL, ESC \ or the end of the line */
	} state;
	uint8_t character[5]; /* of UTF-8, the bytes that have come, and a NUL */
	uint32_t count, size; /* of it: those, and those that it needs */
};

/*
 * Write the text in (bytes): printable ASCII, characters of UTF-8 that steer nothing, newline and
 * tab. Escape sequences (ECMA-48, 5.3 to 5.6) and other controls are left out; each other byte
 * becomes a question mark. What ends in the midst of a character or of a sequence goes on with the
 * next call. An escape sequence ends with its line, so none can hide the next one.
 */
void plain_write(struct plain *plain, FILE *out, const uint8_t *bytes, size_t size);

#endif
