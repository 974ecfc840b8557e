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

/* Somebody who looks. */
struct observer {
	const uint8_t *base;
	struct ivsh_geometry geometry;
	uint64_t size;               /* bytes of the region */
	uint64_t rings, stride;      /* offset of the first ring; from ring to ring */
	uint64_t logs;               /* offset of the first log; 0: there are none */
	uint64_t area[2];            /* offset of the small and the large area, in a ring */
	struct ivsh_wire_desc *desc; /* the descriptors of the last ring that was looked at */
};

enum observed_state {
	OBSERVED_UNUSED,   /* no side ever opened it */
	OBSERVED_IN_STEP,  /* SPEC 6 */
	OBSERVED_RESET,    /* not in step: a reset is under way, or was cut */
	OBSERVED_CHANGING, /* it did not stand still for long enough to be checked */
};

/* One ring at a look. Indices are modulo 2^32. */
struct observed_ring {
	uint32_t from, to;
	uint64_t offset; /* of the ring, in the memory */
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
