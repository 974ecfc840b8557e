/* SPDX-License-Identifier: MIT */
/*
 * observer.h - somebody who looks at a region, and what is known of one of its rings.
 */
#ifndef OBSERVE_OBSERVER_H
#define OBSERVE_OBSERVER_H

#include "observe/finding.h"

#include <ivsh/region.h>

#include <stdbool.h>
#include <stdint.h>

/* One of the memories of a region, mapped for reading. */
struct observed_memory {
	const uint8_t *base; /* NULL: it is not here */
	uint64_t size;
};

/* Somebody who looks. */
struct observer {
	/* By number, see finding.h: the region's only one, or the common one and the parts. */
	struct observed_memory memory[1 + IVSH_WIRE_SLOTS_MAX];
	bool is_split;
	bool is_any;                        /* a part with another format_id is looked at, too */
	bool is_out[IVSH_WIRE_SLOTS_MAX];   /* the part has nothing of this region */
	bool is_twice[IVSH_WIRE_SLOTS_MAX]; /* several memories claim to be it: none is */
	uint32_t nobodys;                   /* memories of which nobody knows whose part they are */
	uint64_t format_id;
	struct ivsh_geometry geometry;
	uint64_t size;               /* bytes of the region, or of the common memory */
	uint64_t part_size;          /* bytes of each part; 0: it is not split */
	uint64_t rings, stride;      /* offset of the first ring; from ring to ring */
	uint64_t logs;               /* offset of the first log; 0: there are none */
	uint64_t area[2];            /* offset of the small and the large area, in a ring */
	struct ivsh_wire_desc *desc; /* the descriptors of the last ring that was looked at */
};

/* What has a place: a slot; its log; the two halves of a ring. */
enum observed_what {
	OBSERVE_SLOT,
	OBSERVE_LOG,
	OBSERVE_SENDER,   /* a ring, of which the receiver's lines are elsewhere if it is split */
	OBSERVE_RECEIVER, /* its lines */
};

struct observed_place {
	const void *at;  /* NULL: not all of it is here */
	uint32_t memory; /* its number */
	uint64_t offset; /* in that memory */
};

/*
 * Where something is: the only way to a word behind the server's page. from, to: slots of the
 * region, different ones where both matter. SPEC R2.1, R17.2.
 */
struct observed_place observe_place(
    const struct observer *observer, enum observed_what what, uint32_t from, uint32_t to);

enum observed_state {
	OBSERVED_UNUSED,   /* no side ever opened it */
	OBSERVED_IN_STEP,  /* SPEC 6 */
	OBSERVED_RESET,    /* not in step: a reset is under way, or was cut */
	OBSERVED_CHANGING, /* it did not stand still for long enough to be checked */
	OBSERVED_ABSENT,   /* the part of one side is not here, or is no part of this region */
};

/* One ring at a look. Indices are modulo 2^32. */
struct observed_ring {
	uint32_t from, to;
	struct observed_place
	    half[2]; /* the sender's, with descriptors and areas; the receiver's */
	enum observed_state state;
	struct ivsh_wire_sender sender; /* private copies of the two sides' words */
	struct ivsh_wire_receiver receiver;

	/*
	 * Whether these are known: the descriptors from (read) to (end) are in flight, the copy in
	 * observer->desc has them whole, and they carry (messages) of (bytes) in all, which take
	 * (taken) bytes of each area, gaps included.
	 */
	bool is_known;
	uint32_t read, end;
	uint64_t messages, bytes, taken[2];

	uint64_t digest; /* of all words that decide about its findings */
};

#endif
