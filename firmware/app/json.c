/* SPDX-License-Identifier: MIT */
/*
 * json.c - objects of JSON on standard output, one a line.
 */
#include "app/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What stands before a member: a comma unless it is the first one, and its name. */
static void member_begin(struct json *json, const char *name)
{
	bool *has_some = &json->has_some[json->depth - 1];

	if (*has_some)
		putchar(',');
	*has_some = true;
	if (name)
		printf("\"%s\":", name);
}

static void open_one(struct json *json, const char *name, char begin, char end)
{
	if (json->depth)
		member_begin(json, name);
	putchar(begin);
	json->has_some[json->depth] = false;
	json->end[json->depth] = end;
	json->depth++;
}

void json_begin(struct json *json, const char *type)
{
	json->depth = 0;
	open_one(json, NULL, '{', '}');
	json_text(json, "type", type);
}

void json_close(struct json *json)
{
	json->depth--;
	putchar(json->end[json->depth]);
}

void json_end(struct json *json)
{
	while (json->depth)
		json_close(json);
	putchar('\n');
}

void json_object(struct json *json, const char *name)
{
	open_one(json, name, '{', '}');
}

void json_array(struct json *json, const char *name)
{
	open_one(json, name, '[', ']');
}

void json_u64(struct json *json, const char *name, uint64_t value)
{
	member_begin(json, name);
	printf("%" PRIu64, value);
}

void json_i64(struct json *json, const char *name, int64_t value)
{
	member_begin(json, name);
	printf("%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	member_begin(json, name);
	printf("%s", value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
	member_begin(json, name);
	printf("null");
}

void json_decimal(struct json *json, const char *name, uint64_t value, uint32_t digits)
{
	uint64_t unit = 1;

	for (uint32_t i = 0; i < digits; i++)
		unit *= 10;
	member_begin(json, name);
	printf("%" PRIu64 ".%0*" PRIu64, value / unit, (int)digits, value % unit);
}

void json_hex(struct json *json, const char *name, uint64_t value)
{
	member_begin(json, name);
	printf("\"0x%" PRIx64 "\"", value);
}

/*
 * The character at (bytes), of the (left) there; *size: how many bytes it takes. UINT32_MAX: it is
 * none, of one byte. RFC 3629, 4: no longer than it must be, no surrogate, at most U+10FFFF.
 */
static uint32_t character_at(const uint8_t *bytes, uint32_t left, uint32_t *size)
{
	uint8_t lead = bytes[0];
	uint32_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	uint32_t value = more == 0 ? lead : lead & (0x3fu >> more);
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	*size = 1;
	if (more == 4 || more >= left)
		return UINT32_MAX;
	for (uint32_t i = 1; i <= more; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		value = value << 6 | (bytes[i] & 0x3fu);
	}
	if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return UINT32_MAX;
	*size = 1 + more;
	return value;
}

/* One character of a string. RFC 8259, 7: what is not ASCII by one escape, or by a pair. */
static void character_print(uint32_t value)
{
	if (value == '"' || value == '\\')
		printf("\\%c", (int)value);
	else if (value >= 0x20 && value < 0x7f)
		putchar((int)value);
	else if (value == '\n')
		printf("\\n");
	else if (value == UINT32_MAX)
		printf("\\ufffd");
	else if (value < 0x10000)
		printf("\\u%04" PRIx32, value);
	else
		printf("\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((value - 0x10000) >> 10),
		    0xdc00 + ((value - 0x10000) & 0x3ff));
}

static void string_print(const uint8_t *bytes, uint32_t size)
{
	putchar('"');
	for (uint32_t at = 0, one = 0; at < size; at += one)
		character_print(character_at(bytes + at, size - at, &one));
	putchar('"');
}

void json_text(struct json *json, const char *name, const char *value)
{
	if (!value) {
		json_null(json, name);
		return;
	}
	member_begin(json, name);
	string_print((const uint8_t *)value, (uint32_t)strlen(value));
}

static bool is_text(const uint8_t *bytes, uint32_t size)
{
	for (uint32_t at = 0, one = 0; at < size; at += one)
		if (character_at(bytes + at, size - at, &one) == UINT32_MAX)
			return false;
	return true;
}

void json_bytes(struct json *json, const char *name, const uint8_t *bytes, uint32_t size)
{
	if (is_text(bytes, size)) {
		member_begin(json, name);
		string_print(bytes, size);
		return;
	}
	member_begin(json, NULL);
	printf("\"%s_hex\":\"", name);
	for (uint32_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	putchar('"');
}
