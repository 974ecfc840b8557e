/* SPDX-License-Identifier: MIT */
/*
 * lines.h - the lines of the control protocol: their words, and the fields of each. The server
 * writes an answer by this table (render.h), and its clients parse it by the same (answer.h).
 */
#ifndef LINES_H
#define LINES_H

#include "control/fields.h"

#include <stdbool.h>
#include <stddef.h>

/* In the order in which the server writes them. */
enum line_kind {
	LINE_SERVER,
	LINE_MEMORY,
	LINE_REGION,
	LINE_LISTENER,
	LINE_LIMIT,
	LINE_COUNT,
	LINE_REFUSED,
	LINE_SLOT,
	LINE_WAITING,
	LINE_METRIC,
	LINES
};

/*
 * A kind of line, and where its fields are: in struct answer, or in the records of a list.
 */
struct line {
	const char *word;
	bool is_needed;
	const struct field *fields;
	size_t field_count;
	size_t record_size; /* bytes of a list's record; 0: the line comes once */
	size_t list, count; /* offsets, in struct answer, of the list and of its length */
};

extern const struct line lines[LINES];

#endif
