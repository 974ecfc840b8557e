/* SPDX-License-Identifier: MIT */
/*
 * escape.c - text of any bytes, escaped for each kind of reader.
 */
#include "text/escape.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD in UTF-8 */

size_t escape_plain(FILE *out, const char *text)
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
 * Bytes of the UTF-8 character at (c); 0: it is none. A NUL ends the string, and is no continuation
 * byte. Unicode 15, table 3-7: neither overlong, nor a surrogate, nor beyond U+10FFFF.
 */
static size_t character_size(const unsigned char *c)
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
static uint32_t character_number(const unsigned char *c, size_t size)
{
	uint32_t number = size == 1 ? *c : *c & (0x7fu >> size);

	for (size_t i = 1; i < size; i++)
		number = number << 6 | (c[i] & 0x3f);
	return number;
}

/*
 * Whether the character has no shape of its own but changes what is shown around it: a control, a
 * line or paragraph separator, or a format character, such as one that reverses the direction of a
 * text. Unicode 15, general categories Cc, Zl, Zp and Cf.
 */
static bool is_mark(uint32_t number)
{
	static const uint32_t ranges[][2] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
	    {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x890, 0x891},
	    {0x8e2, 0x8e2}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
	    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
	    {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0001, 0xe0001},
	    {0xe0020, 0xe007f}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (number >= ranges[i][0] && number <= ranges[i][1])
			return true;
	return false;
}

/*
 * Step over the character at (*c), and write it, or U+FFFD if it is no character. A mark is not
 * written: *mark is its number then, and else 0.
 */
static void write_utf8(FILE *out, const unsigned char **c, uint32_t *mark)
{
	size_t size = character_size(*c);

	*mark = size ? character_number(*c, size) : 0;
	if (size == 0)
		fputs(REPLACEMENT, out);
	else if (!is_mark(*mark))
		fwrite(*c, 1, size, out);
	if (size == 0 || !is_mark(*mark))
		*mark = 0;
	*c += size == 0 ? 1 : size;
}

bool escape_is_showable(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		size_t size = character_size(c);

		if (size == 0 || is_mark(character_number(c, size)))
			return false;
		c += size;
	}
	return true;
}

static void write_json_mark(FILE *out, uint32_t mark)
{
	/* A number above U+FFFF becomes a surrogate pair. */
	if (mark > 0xffff) {
		mark -= 0x10000;
		fprintf(out, "\\u%04x", 0xd800 + (mark >> 10));
		mark = 0xdc00 + (mark & 0x3ff);
	}
	fprintf(out, "\\u%04x", mark);
}

/* The format has no escape but that of a newline. */
static void write_label_mark(FILE *out, uint32_t mark)
{
	fputs(mark == '\n' ? "\\n" : REPLACEMENT, out);
}

/* A string in double quotes, in which a backslash escapes a quote and a backslash. */
static void write_quoted(FILE *out, const char *text, void (*write_mark)(FILE *out, uint32_t mark))
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t mark;

	fputc('"', out);
	while (*c) {
		if (*c == '"' || *c == '\\') {
			fprintf(out, "\\%c", *c++);
			continue;
		}
		write_utf8(out, &c, &mark);
		if (mark)
			write_mark(out, mark);
	}
	fputc('"', out);
}

void escape_json(FILE *out, const char *text)
{
	if (text)
		write_quoted(out, text, write_json_mark);
	else
		fputs("null", out);
}

void escape_label(FILE *out, const char *text)
{
	write_quoted(out, text ? text : "", write_label_mark);
}

void escape_shell(FILE *out, const char *text)
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

void escape_xml(FILE *out, const char *text)
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
