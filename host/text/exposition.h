/* SPDX-License-Identifier: MIT */
/*
 * exposition.h - metrics in Prometheus' text exposition format, version 0.0.4.
 *
 * Names of the project begin with "ivsh_". A guest names its metrics itself: those begin with
 * "ivsh_guest_", as no other does. Two guests may give one name to different things, and one guest
 * may give one name twice; the format allows one kind for each name, and one sample for each name
 * and labels. So the name of a counter ends in "_total", and that of a gauge never does.
 */
#ifndef TEXT_EXPOSITION_H
#define TEXT_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The lines that come once for each name. (name): without "ivsh_". (type): counter, gauge. */
void exposition_head(FILE *out, const char *name, const char *type, const char *help);

/* The begin of a sample: its name and its first label. The caller writes the rest. */
void exposition_name(FILE *out, const char *name, const char *label, const char *value);

/* A metric that a guest declares. */
struct exposition_guest {
	uint32_t slot;
	const char *peer; /* the peer's name; NULL: none */
	const char *name; /* a lower-case letter, then those, digits and "_" */
	bool is_counter;  /* else it is a gauge */
	uint64_t value;   /* of a gauge: a signed number, in two's complement */
};

/*
 * Write (count) metrics of guests, by name. Each sample has the labels (label), which is (object),
 * "peer", the slot, and "name", the peer's. A comment names each metric that is left out, as its
 * peer has declared another one that has the same name here.
 *
 * 0, or -1: out of memory.
 */
int exposition_guests(FILE *out, const char *label, const char *object,
    const struct exposition_guest *guests, size_t count);

#endif
