/* SPDX-License-Identifier: MIT */
/*
 * plain.c - a stranger's stream of bytes for a terminal.
 */
#include "text/plain.h"
#include "text/escape.h"

#include <stdbool.h>

#define ESC 0x1b
#define BEL 0x07

/* Bytes of the character that (lead) begins; 0: none does. RFC 3629, 3. */
static uint32_t character_size(uint8_t lead)
{
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* The character is whole: write it, unless it steers the terminal or is none. */
static void character_write(struct plain *p, FILE *out)
{
	p->character[p->count] = '\0';
	if (escape_is_showable((const char *)p->character))
		fwrite(p->character, 1, p->count, out);
	else
		fputc('?', out);
	p->count = 0;
}

/* A byte of a character of several. False: it is none, and stands for itself. */
static bool character_take(struct plain *p, FILE *out, uint8_t byte)
{
	if (p->count && (byte & 0xc0) != 0x80) {
		fputc('?', out);
		p->count = 0;
	}
	if (p->count == 0)
		p->size = character_size(byte);
	if (p->size == 0 || byte < 0x80)
		return false;
	p->character[p->count++] = byte;
	if (p->count == p->size)
		character_write(p, out);
	return true;
}

static void text_take(struct plain *p, FILE *out, uint8_t byte)
{
	if (character_take(p, out, byte))
		return;
	if (byte == ESC)
		p->state = PLAIN_ESCAPE;
	else if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte < 0x7f))
		fputc(byte, out);
	else if (byte >= 0x80)
		fputc('?', out);
}

/* The byte behind ESC: ECMA-48, 5.3 and 5.6. Two-byte sequences have intermediate bytes before. */
static void escape_take(struct plain *p, uint8_t byte)
{
	if (byte == '[')
		p->state = PLAIN_SEQUENCE;
	else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
		p->state = PLAIN_STRING;
	else if (byte != ESC && (byte < 0x20 || byte > 0x2f))
		p->state = PLAIN_TEXT;
}

static void byte_take(struct plain *p, FILE *out, uint8_t byte)
{
	/* No sequence goes on behind its line. */
	if (byte == '\n')
		p->state = PLAIN_TEXT;
	switch (p->state) {
	case PLAIN_TEXT:
		text_take(p, out, byte);
		break;
	case PLAIN_ESCAPE:
		escape_take(p, byte);
		break;
	case PLAIN_SEQUENCE:
		if (byte == ESC)
			p->state = PLAIN_ESCAPE;
		else if (byte < 0x20 || byte > 0x3f)
			p->state = PLAIN_TEXT;
		break;
	case PLAIN_STRING:
		if (byte == ESC)
			p->state = PLAIN_ESCAPE;
		else if (byte == BEL)
			p->state = PLAIN_TEXT;
		break;
	}
}

void plain_write(struct plain *plain, FILE *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		byte_take(plain, out, bytes[i]);
}
