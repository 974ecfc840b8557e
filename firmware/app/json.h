/* SPDX-License-Identifier: MIT */
/*
 * json.h - objects of JSON on standard output, one a line: what --json prints. RFC 8259.
 *
 * The writer sets commas and brackets, escapes whatever a stranger chose, and needs no heap and no
 * floating point: it is the same in guests and on the host. What it writes is ASCII.
 */
#ifndef APP_JSON_H
#define APP_JSON_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH 6u /* objects and arrays in one another at most, the line itself included */

/* A line that is being written. */
struct json {
	uint32_t depth;
	bool has_some[JSON_DEPTH]; /* by depth: a comma comes before the next one */
	char end[JSON_DEPTH];
};

/*
 * Begin a line: an object whose first member, "type", is (type). End it, and what is still open in
 * it. The caller flushes standard output, whose error output_flush() finds.
 */
void json_begin(struct json *json, const char *type);
void json_end(struct json *json);

/*
 * Members of the innermost object; in an array (name) is NULL. Names are the program's own, in
 * lower_snake_case, with their unit at the end: they are not escaped.
 */
void json_u64(struct json *json, const char *name, uint64_t value);
void json_i64(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* (value) / 10^digits, with (digits) digits behind the point: 1 to 9. */
void json_decimal(struct json *json, const char *name, uint64_t value, uint32_t digits);

/* "0x1f": for words that are compared, and not counted with. */
void json_hex(struct json *json, const char *name, uint64_t value);

/* A string; NULL: null. Bytes that are not UTF-8 become U+FFFD each. */
void json_text(struct json *json, const char *name, const char *value);

/*
 * A stranger's bytes: as the string (name) if they are UTF-8, else as the string of hexadecimal
 * digits NAME_hex, so that nothing of them is lost. Not in an array.
 */
void json_bytes(struct json *json, const char *name, const uint8_t *bytes, uint32_t size);

/* An object, or an array, as a member. Each is closed by json_close(). */
void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
void json_close(struct json *json);

#endif
