/* SPDX-License-Identifier: MIT */
/*
 * values.h - what a setting's value may be, and the field that it goes to.
 */
#ifndef VALUES_H
#define VALUES_H

#include "config/options.h"

#include <stddef.h>

struct value {
	struct options *options;
	const char *object; /* what a line about an error begins with */
	uint32_t line;      /* of the file; 0: of the command line */
	const char *text;   /* NULL: only the name was given */
	void *field;        /* of (options) */
	uint32_t least;     /* the setting's own: a range, or a kind */
	uint32_t most;
};

/* Each sets the field, or more. 0, or -1 after one line. */
int values_flag(const struct value *value);
int values_inverse_flag(const struct value *value);
int values_text(const struct value *value);
int values_count(const struct value *value);
int values_mode(const struct value *value);
int values_group(const struct value *value);
int values_user(const struct value *value);
int values_per_uid(const struct value *value);
int values_size(const struct value *value);
int values_log_size(const struct value *value);
int values_memory(const struct value *value); /* (least) is its enum backend_kind */
int values_hugetlb(const struct value *value);
int values_allow(const struct value *value);
int values_slot(const struct value *value);

#endif
