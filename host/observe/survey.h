/* SPDX-License-Identifier: MIT */
/*
 * survey.h - two looks at a region: the first one remembers, the second one prints.
 */
#ifndef OBSERVE_SURVEY_H
#define OBSERVE_SURVEY_H

#include "observe/parts.h"
#include "observe/rings.h"

#include <stdbool.h>

#define SURVEY_PAUSE_NS UINT64_C(500000000) /* twice what a heartbeat takes at the most */

/* What is shown. */
enum {
	SURVEY_HEADER = 1 << 0, /* and those of parts */
	SURVEY_SERVER = 1 << 1,
	SURVEY_SLOTS = 1 << 2,
	SURVEY_RINGS = 1 << 3,
	SURVEY_DESCRIPTORS = 1 << 4, /* in flight, of each ring that is shown */
	SURVEY_PAYLOAD = 1 << 5,
};

struct survey_ring {
	uint64_t digest;
	uint8_t state; /* enum observed_state */
	bool is_wrong; /* there are findings */
};

struct survey {
	struct ivsh_mem mem;
	uint32_t parts;    /* SURVEY_* */
	uint32_t rows;     /* that are shown of a list; 0: all */
	uint32_t from, to; /* the one ring; both the same: all */

	struct observed_header header;
	bool is_open; /* the geometry is known: */
	struct observer observer;
	uint64_t server; /* digest */
	uint32_t server_heartbeat;
	struct {
		uint64_t digest, part;
		uint32_t heartbeat, incarnation;
	} slot[IVSH_WIRE_SLOTS_MAX];
	struct survey_ring *ring; /* by number */

	/* Results. */
	uint64_t broken, unsure, checked, changing, unused, reset, absent;
	uint64_t broken_in[1 + IVSH_WIRE_SLOTS_MAX]; /* of them, by the memory's number */
};

/*
 * The first look. geometry: what the user says; NULL: what the header says. 0, or an error of
 * observe_open(); without a geometry 0, and only the header can be shown.
 */
int survey_begin(struct survey *survey, const struct ivsh_geometry *geometry);

/* The second look, SURVEY_PAUSE_NS later, on standard output. */
void survey_print(struct survey *survey);

void survey_end(struct survey *survey);

#endif
