/* SPDX-License-Identifier: MIT */
/*
 * lines.h - a line of the control protocol: a word, and key=value pairs.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lines_kind {
	LINES_NUMBER, /* decimal, into a uint64_t */
	LINES_HEX,    /* 0x and hexadecimal digits, into a uint64_t */
	LINES_TEXT,   /* any bytes, into a const char * */
};

/* A key, and where its value goes. */
struct lines_field {
	const char *key;
	enum lines_kind kind;
	size_t offset;  /* in the record */
	uint64_t most;  /* of a number */
	bool is_needed; /* if not: UINT64_MAX, or NULL, stands for a key that is not there */
};

/* Cut the string (line) behind its first word. Answers the rest. */
char *lines_word(char *line);

/*
 * Read the pairs in (rest), which is changed, into (record), which is all written. Keys that are
 * not among the (count) of (fields) are checked and dropped. NULL, or what is wrong.
 */
const char *lines_fields(char *rest, const struct lines_field *fields, size_t count, void *record);

#endif
