/* SPDX-License-Identifier: MIT */
/*
 * print.c - records on standard output.
 */
#include "observe/print.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_json;

void print_json(bool yes)
{
	is_json = yes;
}

void print_open(const char *type)
{
	printf(is_json ? "{\"type\":\"%s\"" : "%s", type);
}

void print_close(void)
{
	printf(is_json ? "}\n" : "\n");
}

static void key_print(const char *key)
{
	printf(is_json ? ",\"%s\":" : " %s=", key);
}

void print_number(const char *key, uint64_t value)
{
	key_print(key);
	printf("%" PRIu64, value);
}

void print_hex(const char *key, uint64_t value)
{
	key_print(key);
	printf(is_json ? "\"0x%" PRIx64 "\"" : "0x%" PRIx64, value);
}

/* What is not printable comes from the memory, and is no one's text. */
static void char_print(uint8_t c)
{
	if (c < 0x20 || c > 0x7e)
		c = '?';
	if (c == '"' || c == '\\')
		putchar('\\');
	putchar(c);
}

void print_name(const char *key, const uint8_t *bytes, size_t size)
{
	key_print(key);
	putchar('"');
	for (size_t i = 0; i < size && bytes[i]; i++)
		char_print(bytes[i]);
	putchar('"');
}

void print_text(const char *key, const char *value)
{
	key_print(key);
	if (!is_json) {
		printf("%s", value);
		return;
	}
	putchar('"');
	for (; *value; value++)
		char_print((uint8_t)*value);
	putchar('"');
}

void print_bytes(const char *key, const uint8_t *bytes, size_t size)
{
	key_print(key);
	if (is_json)
		putchar('"');
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	if (is_json)
		putchar('"');
}

void print_unknown(const char *key)
{
	key_print(key);
	printf(is_json ? "null" : "?");
}

void print_maybe(const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		print_number(key, value);
	else
		print_unknown(key);
}
