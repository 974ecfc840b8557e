/* SPDX-License-Identifier: MIT */
/*
 * parts.h - what a region has beside its rings, read by an observer: header, server page, slots.
 */
#ifndef OBSERVE_PARTS_H
#define OBSERVE_PARTS_H

#include "observe/observer.h"

#include <ivsh/geometry.h>
#include <ivsh/wire.h>

#include <stdbool.h>

/* What is known of the geometry. */
enum observed_geometry {
	OBSERVED_SOUND,     /* the header says it, and breaks no rule */
	OBSERVED_PLAUSIBLE, /* its four numbers and the size agree; another word is damaged */
	OBSERVED_BEYOND,    /* they agree, and the memory has fewer bytes: a part of a region */
	OBSERVED_NONE,      /* nothing says where slots and rings are */
};

struct observed_header {
	struct ivsh_wire_header copy;
	struct ivsh_geometry geometry; /* as the header says, unchecked if OBSERVED_NONE */
	enum observed_geometry known;
	bool is_unformatted; /* the magic is 0, or half of ours */
	bool is_split;       /* it says that the region is split */
	uint64_t digest;
};

/* Look at the header of (size) bytes at (base): IVSH_WIRE_PAGE at least. */
void observe_header(const void *base, uint64_t size, struct observed_header *header,
    struct observe_findings *findings);

struct observed_server {
	struct ivsh_wire_server copy;
	uint64_t digest; /* of all but the heartbeat */
};

void observe_server(const void *base, uint32_t slots, struct observed_server *server,
    struct observe_findings *findings);

/* What a part of a split region says that it is. */
enum observed_part_state {
	OBSERVED_PART_SOUND,
	OBSERVED_PART_MISSING,     /* it is not here */
	OBSERVED_PART_TWICE,       /* several memories say that they are it */
	OBSERVED_PART_UNFORMATTED, /* the magic is 0, or half of it */
	OBSERVED_PART_FOREIGN,     /* it is no part */
	OBSERVED_PART_FORMAT, /* one of another region, or of this one before it was formatted */
	OBSERVED_PART_DAMAGED,
	OBSERVED_PART_SHORT, /* its memory has fewer bytes */
};

struct observed_part {
	struct ivsh_wire_part copy;
	uint64_t size; /* bytes of its memory */
	enum observed_part_state state;
	uint64_t digest;
};

/*
 * Look at the header of (slot)'s part, of a region that is split, and find out whether the rest of
 * it is one of this region: observer->is_out.
 */
void observe_part(struct observer *observer, uint32_t slot, struct observed_part *part,
    struct observe_findings *findings);

struct observed_slot {
	struct ivsh_wire_slot copy;
	uint32_t memory;    /* its number */
	uint64_t offset;    /* in it */
	bool is_text_known; /* name and services: SPEC R5.7.1 */
	uint64_t digest;    /* of all but heartbeat, counters, pending bytes and what is reserved */
};

/* Whether entry (i) is a metric of the slot's incarnation, damaged or not. SPEC R5.15.1. */
bool observe_metric(const struct observed_slot *observed, uint32_t i);

struct observed_log {
	struct ivsh_wire_log copy;
	uint32_t memory; /* its number; the caller's */
	uint64_t offset; /* in it */
};

/* The line (from) of the log of (slot), of log_size bytes: at (offset) of its memory. */
void observe_log(const struct ivsh_wire_log *from, uint64_t offset, uint32_t log_size,
    const struct observed_slot *slot, struct observed_log *log, struct observe_findings *findings);

/* The region has more slots than (slot). False: its part is not here. */
bool observe_slot(const struct observer *observer, uint32_t slot, struct observed_slot *observed,
    struct observe_findings *findings);

#endif
