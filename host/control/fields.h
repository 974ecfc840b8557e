/* SPDX-License-Identifier: MIT */
/*
 * fields.h - a line of the control protocol: a word, and fields key=value. ivsh-server(8), "CONTROL
 * PROTOCOL".
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum field_kind {
	FIELD_NUMBER, /* decimal, into a uint64_t */
	FIELD_HEX,    /* 0x and hexadecimal digits, into a uint64_t */
	FIELD_TEXT,   /* any bytes, into a const char * */
};

/* A key, and where its value goes. */
struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;  /* in the record */
	uint64_t max;   /* of a number */
	bool is_needed; /* a line without the key is wrong */
};

/* Cut the string (line) behind its first word. Returns the rest. */
char *fields_word(char *line);

/*
 * Parse the fields in (rest), which is changed, into all members of (record) that the (count)
 * entries of (fields) name. A key that is missing leaves UINT64_MAX or NULL. A key that (fields)
 * does not name is checked and dropped.
 *
 * Returns NULL, or what is wrong.
 */
const char *fields_parse(char *rest, const struct field *fields, size_t count, void *record);

/*
 * Write " key=value" for each of the (count) entries of (fields) whose member of (record) has a
 * value: one that is not UINT64_MAX or NULL.
 */
void fields_write(FILE *out, const struct field *fields, size_t count, const void *record);

/* Leave all members of (record) that (fields) names without a value. */
void fields_clear(const struct field *fields, size_t count, void *record);

#endif
