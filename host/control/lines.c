/* SPDX-License-Identifier: MIT */
/*
 * lines.c - a line of the control protocol.
 */
#include "control/lines.h"

#include <string.h>

char *lines_word(char *line)
{
	char *end = line + strcspn(line, " ");

	if (*end)
		*end++ = '\0';
	return end;
}

static int lines_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undo %XX in place. Whether the value was right: printable ASCII, and no NUL hidden in it. */
static bool lines_decode(char *value)
{
	char *out = value;

	for (const char *c = value; *c; c++) {
		int high, low;

		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '"')
			return false;
		if (*c != '%') {
			*out++ = *c;
			continue;
		}
		high = lines_digit(c[1]);
		low = high < 0 ? -1 : lines_digit(c[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high * 16 + low);
		c += 2;
	}
	*out = '\0';
	return true;
}

static bool lines_number(const char *text, uint64_t base, uint64_t most, uint64_t *number)
{
	*number = 0;
	if (base == 16) {
		if (text[0] != '0' || text[1] != 'x')
			return false;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		int digit = lines_digit(*text);

		if (digit < 0 || (uint64_t)digit >= base || (uint64_t)digit > most ||
		    *number > (most - (uint64_t)digit) / base)
			return false;
		*number = *number * base + (uint64_t)digit;
	}
	return true;
}

/* Numbers and pointers are stored by memcpy(): the record's type is the caller's affair. */
static const char *lines_store(const struct lines_field *field, char *value, void *record)
{
	char *place = (char *)record + field->offset;
	const char *text = value;
	uint64_t number;

	if (field->kind == LINES_TEXT) {
		memcpy(place, &text, sizeof text);
		return NULL;
	}
	if (!lines_number(value, field->kind == LINES_HEX ? 16 : 10, field->most, &number))
		return "a number is wrong, or out of its range";
	memcpy(place, &number, sizeof number);
	return NULL;
}

static void lines_clear(const struct lines_field *field, void *record)
{
	static const char *const no_text = NULL;
	static const uint64_t no_number = UINT64_MAX;

	if (field->kind == LINES_TEXT)
		memcpy((char *)record + field->offset, &no_text, sizeof no_text);
	else
		memcpy((char *)record + field->offset, &no_number, sizeof no_number);
}

const char *lines_fields(char *rest, const struct lines_field *fields, size_t count, void *record)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < count; i++)
		lines_clear(&fields[i], record);
	while (*rest) {
		char *next = lines_word(rest);
		char *value = strchr(rest, '=');

		if (!value || value == rest)
			return "not an answer of ivsh-server: a word is no key=value";
		*value++ = '\0';
		if (!lines_decode(value))
			return "a value has bytes that it must not have";
		for (size_t i = 0; i < count; i++) {
			const char *wrong;

			if (strcmp(rest, fields[i].key) != 0)
				continue;
			if (seen >> i & 1)
				return "a key comes twice in a line";
			seen |= 1u << i;
			wrong = lines_store(&fields[i], value, record);
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
