/* SPDX-License-Identifier: MIT */
/*
 * print.c - records on standard output.
 */
#include "observe/print.h"

#include "app/json.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_json;
static struct json json;

void print_json(bool yes)
{
	is_json = yes;
}

void print_open(const char *type)
{
	if (is_json)
		json_begin(&json, type);
	else
		printf("%s", type);
}

void print_close(void)
{
	if (is_json)
		json_end(&json);
	else
		printf("\n");
}

void print_number(const char *key, uint64_t value)
{
	if (is_json)
		json_u64(&json, key, value);
	else
		printf(" %s=%" PRIu64, key, value);
}

void print_hex(const char *key, uint64_t value)
{
	if (is_json)
		json_hex(&json, key, value);
	else
		printf(" %s=0x%" PRIx64, key, value);
}

/* What is not printable comes from the memory, and is no one's text. */
static char cleaned(uint8_t c)
{
	return c < 0x20 || c > 0x7e ? '?' : (char)c;
}

void print_name(const char *key, const uint8_t *bytes, size_t size)
{
	char text[256];
	size_t length = 0;

	for (; length < size && length < sizeof(text) - 1 && bytes[length]; length++)
		text[length] = cleaned(bytes[length]);
	text[length] = '\0';
	if (is_json) {
		json_text(&json, key, text);
		return;
	}
	printf(" %s=\"", key);
	for (const char *c = text; *c; c++)
		printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	printf("\"");
}

void print_text(const char *key, const char *value)
{
	if (is_json)
		json_text(&json, key, value);
	else
		printf(" %s=%s", key, value);
}

void print_bytes(const char *key, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char text[513];
	size_t length = 0;

	for (size_t i = 0; i < size && length < sizeof(text) - 1; i++) {
		text[length++] = digits[bytes[i] >> 4];
		text[length++] = digits[bytes[i] & 15];
	}
	text[length] = '\0';
	print_text(key, text);
}

void print_unknown(const char *key)
{
	if (is_json)
		json_null(&json, key);
	else
		printf(" %s=?", key);
}

void print_maybe(const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		print_number(key, value);
	else
		print_unknown(key);
}
