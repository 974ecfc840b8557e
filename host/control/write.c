/* SPDX-License-Identifier: MIT */
/*
 * write.c - text of unknown content, in the ways that its readers can take.
 */
#include "write.h"

#include <stdbool.h>
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

/* The character at (*c), or its replacement; steps over it. */
static void write_utf8(FILE *out, const unsigned char **c)
{
	size_t size = write_character(*c);

	if (size == 0)
		fputs(WRITE_REPLACEMENT, out);
	else
		fwrite(*c, 1, size, out);
	*c += size == 0 ? 1 : size;
}

void write_json(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (!text) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	while (*c) {
		if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\u%04x", *c++);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c++);
		else
			write_utf8(out, &c);
	}
	fputc('"', out);
}

void write_label(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)(text ? text : "");

	fputc('"', out);
	while (*c) {
		if (*c == '\n') {
			fputs("\\n", out);
			c++;
		} else if (*c == '"' || *c == '\\') {
			fprintf(out, "\\%c", *c++);
		} else {
			write_utf8(out, &c);
		}
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
	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		if (*c == '&' || *c == '<' || *c == '>' || *c == '\'' || *c == '"' || *c == '\t' ||
		    *c == '\n' || *c == '\r')
			fprintf(out, "&#%u;", *c++);
		else if (*c < 0x20)
			c++;
		else
			write_utf8(out, &c);
	}
}
