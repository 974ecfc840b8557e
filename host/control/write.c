/* SPDX-License-Identifier: MIT */
/*
 * write.c - text of unknown content, in the ways that its readers can take.
 */
#include "control/write.h"

#include <stdint.h>
#include <string.h>

#define WRITE_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD in UTF-8 */

size_t write_plain(FILE *out, const char *text)
{
	size_t width = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool is_plain = *c >= 0x20 && *c < 0x7f && *c != '\\';

		if (is_plain)
			fputc(*c, out);
		else
			fprintf(out, "\\x%02x", *c);
		width += is_plain ? 1 : 4;
	}
	return width;
}

/*
 * Bytes of the UTF-8 character at (c), which ends at a NUL at the latest; 0: it is none. Unicode
 * 15, table 3-7: neither overlong, nor a surrogate, nor beyond U+10FFFF.
 */
static size_t write_character(const unsigned char *c)
{
	size_t size = *c < 0x80   ? 1
		      : *c < 0xc2 ? 0
		      : *c < 0xe0 ? 2
		      : *c < 0xf0 ? 3
		      : *c < 0xf5 ? 4
				  : 0;

	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* The number of the character of (size) bytes at (c). */
static uint32_t write_number(const unsigned char *c, size_t size)
{
	uint32_t number = size == 1 ? *c : *c & (0x7fu >> size);

	for (size_t i = 1; i < size; i++)
		number = number << 6 | (c[i] & 0x3f);
	return number;
}

/*
 * It has no shape of its own, but changes what is shown around it: a control, a line or paragraph
 * separator, or a format character, such as those that reverse the direction of a text. Unicode 15,
 * general categories Cc, Zl, Zp and Cf.
 */
static bool write_is_mark(uint32_t number)
{
	static const uint32_t ranges[][2] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
	    {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x890, 0x891},
	    {0x8e2, 0x8e2}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
	    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
	    {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0001, 0xe0001},
	    {0xe0020, 0xe007f}};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (number >= ranges[i][0] && number <= ranges[i][1])
			return true;
	return false;
}

/*
 * The character at (*c), or its replacement for what is no character; steps over it. *mark is its
 * number, and nothing is written, if it is a mark; else 0.
 */
static void write_utf8(FILE *out, const unsigned char **c, uint32_t *mark)
{
	size_t size = write_character(*c);

	*mark = size ? write_number(*c, size) : 0;
	if (size == 0)
		fputs(WRITE_REPLACEMENT, out);
	else if (!write_is_mark(*mark))
		fwrite(*c, 1, size, out);
	if (size == 0 || !write_is_mark(*mark))
		*mark = 0;
	*c += size == 0 ? 1 : size;
}

bool write_is_showable(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		size_t size = write_character(c);

		if (size == 0 || write_is_mark(write_number(c, size)))
			return false;
		c += size;
	}
	return true;
}

static void write_json_mark(FILE *out, uint32_t mark)
{
	/* Beyond U+FFFF as a surrogate pair. */
	if (mark > 0xffff) {
		mark -= 0x10000;
		fprintf(out, "\\u%04x", 0xd800 + (mark >> 10));
		mark = 0xdc00 + (mark & 0x3ff);
	}
	fprintf(out, "\\u%04x", mark);
}

void write_json(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t mark;

	if (!text) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	while (*c) {
		if (*c == '"' || *c == '\\') {
			fprintf(out, "\\%c", *c++);
			continue;
		}
		write_utf8(out, &c, &mark);
		if (mark)
			write_json_mark(out, mark);
	}
	fputc('"', out);
}

void write_label(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)(text ? text : "");
	uint32_t mark;

	fputc('"', out);
	while (*c) {
		if (*c == '"' || *c == '\\') {
			fprintf(out, "\\%c", *c++);
			continue;
		}
		write_utf8(out, &c, &mark);
		if (mark == '\n')
			fputs("\\n", out);
		else if (mark)
			fputs(WRITE_REPLACEMENT, out); /* the format has no escape for it */
	}
	fputc('"', out);
}

void write_shell(FILE *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_./,=:@%+";

	if (*text && !text[strspn(text, plain)]) {
		fputs(text, out);
		return;
	}
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

void write_xml(FILE *out, const char *text)
{
	uint32_t mark;

	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		if (*c == '&' || *c == '<' || *c == '>' || *c == '\'' || *c == '"') {
			fprintf(out, "&#%u;", *c++);
			continue;
		}
		write_utf8(out, &c, &mark);
		if (mark >= 0x20 || mark == '\t' || mark == '\n' || mark == '\r')
			fprintf(out, "&#%u;", mark);
	}
}
