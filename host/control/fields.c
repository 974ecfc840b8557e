/* SPDX-License-Identifier: MIT */
/*
 * fields.c - a line of the control protocol: a word, and fields key=value.
 */
#include "control/fields.h"

#include <inttypes.h>
#include <string.h>

char *fields_word(char *line)
{
	char *end = line + strcspn(line, " ");

	if (*end)
		*end++ = '\0';
	return end;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode %XX in place. 0; or -1: a byte is no printable ASCII, or NUL is encoded. */
static int decode(char *value)
{
	char *out = value;

	for (const char *c = value; *c; c++) {
		int high, low;

		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '"')
			return -1;
		if (*c != '%') {
			*out++ = *c;
			continue;
		}
		high = digit_of(c[1]);
		low = high < 0 ? -1 : digit_of(c[2]);
		if (low < 0 || (high == 0 && low == 0))
			return -1;
		*out++ = (char)(high * 16 + low);
		c += 2;
	}
	*out = '\0';
	return 0;
}

/* 0; or -1: (text) is no number to (max). */
static int parse_number(const char *text, uint64_t base, uint64_t max, uint64_t *number)
{
	*number = 0;
	if (base == 16) {
		if (text[0] != '0' || text[1] != 'x')
			return -1;
		text += 2;
	}
	if (!*text)
		return -1;
	for (; *text; text++) {
		int digit = digit_of(*text);

		if (digit < 0 || (uint64_t)digit >= base || (uint64_t)digit > max ||
		    *number > (max - (uint64_t)digit) / base)
			return -1;
		*number = *number * base + (uint64_t)digit;
	}
	return 0;
}

/* memcpy() stores the value, since the record can be of any type. NULL, or what is wrong. */
static const char *store(const struct field *field, char *value, void *record)
{
	char *member = (char *)record + field->offset;
	const char *text = value;
	uint64_t number;

	if (field->kind == FIELD_TEXT) {
		memcpy(member, &text, sizeof(text));
		return NULL;
	}
	if (parse_number(value, field->kind == FIELD_HEX ? 16 : 10, field->max, &number))
		return "a number is wrong, or out of its range";
	memcpy(member, &number, sizeof(number));
	return NULL;
}

/* The value of a key that is missing. */
static void clear(const struct field *field, void *record)
{
	static const char *const no_text = NULL;
	static const uint64_t no_number = UINT64_MAX;

	if (field->kind == FIELD_TEXT)
		memcpy((char *)record + field->offset, &no_text, sizeof(no_text));
	else
		memcpy((char *)record + field->offset, &no_number, sizeof(no_number));
}

void fields_clear(const struct field *fields, size_t count, void *record)
{
	for (size_t i = 0; i < count; i++)
		clear(&fields[i], record);
}

const char *fields_parse(char *rest, const struct field *fields, size_t count, void *record)
{
	uint32_t seen = 0;

	fields_clear(fields, count, record);
	while (*rest) {
		char *next = fields_word(rest);
		char *value = strchr(rest, '=');

		if (!value || value == rest)
			return "not an answer of ivsh-server: a word is no key=value";
		*value++ = '\0';
		if (decode(value))
			return "a value has bytes that it must not have";
		for (size_t i = 0; i < count; i++) {
			const char *wrong;

			if (strcmp(rest, fields[i].key) != 0)
				continue;
			if (seen >> i & 1)
				return "a key comes twice in a line";
			seen |= 1u << i;
			wrong = store(&fields[i], value, record);
			if (wrong)
				return wrong;
		}
		rest = next;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].is_needed && !(seen >> i & 1))
			return "not an answer of ivsh-server: a key is missing";
	return NULL;
}

/* A value without blanks, and without anything that a terminal or a parser minds. */
static void encode(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c <= 0x20 || *c == '%' || *c == '"' || *c >= 0x7f)
			fprintf(out, "%%%02X", *c);
		else
			fputc(*c, out);
	}
}

static void write_text(FILE *out, const struct field *field, const void *record)
{
	const char *text;

	memcpy(&text, (const char *)record + field->offset, sizeof(text));
	if (!text)
		return;
	fprintf(out, " %s=", field->key);
	encode(out, text);
}

static void write_number(FILE *out, const struct field *field, const void *record)
{
	uint64_t number;

	memcpy(&number, (const char *)record + field->offset, sizeof(number));
	if (number == UINT64_MAX)
		return;
	if (field->kind == FIELD_HEX)
		fprintf(out, " %s=0x%08" PRIx64, field->key, number);
	else
		fprintf(out, " %s=%" PRIu64, field->key, number);
}

void fields_write(FILE *out, const struct field *fields, size_t count, const void *record)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].kind == FIELD_TEXT)
			write_text(out, &fields[i], record);
		else
			write_number(out, &fields[i], record);
	}
}
