/* SPDX-License-Identifier: MIT */
/*
 * look.h - what one look at a peer and at a ring found.
 */
#ifndef TOP_LOOK_H
#define TOP_LOOK_H

#include "observe/observer.h"

#include <ivsh/region.h>

#include <stdbool.h>
#include <stdint.h>

enum look_presence {
	LOOK_UNKNOWN,  /* nobody was seen to move yet, and it has not been still for long */
	LOOK_ATTACHED, /* its heartbeat moves */
	LOOK_SILENT,   /* it stands still: SPEC R5.4 */
	LOOK_GONE,     /* the server saw it end without a detach */
	LOOK_ABSENT,   /* it detached, or nobody was here */
};

/* A slot. (at_ns) 0: there was no look. */
struct look_peer {
	uint64_t at_ns;
	bool is_used;  /* somebody was here once, or the server has a connection for the slot */
	bool is_whole; /* incarnation and counters belong together */
	bool is_named; /* the name stood still */
	enum look_presence presence;
	uint64_t silent_ns; /* for how long the heartbeat was not seen to move */
	uint32_t incarnation, heartbeat, vectors;
	struct ivsh_counters counters;
	char name[IVSH_WIRE_NAME_SIZE]; /* printable ASCII */
};

/* A ring. (at_ns) 0: there was no look. */
struct look_ring {
	uint64_t at_ns;
	enum observed_state state;
	uint32_t sender, receiver, generation; /* incarnations, and the ring's generation */
	uint32_t read;
	uint32_t fill; /* descriptors in flight, at most */
	bool is_taken_known;
	uint64_t taken[2]; /* bytes of each area */

	/* Of the last messages that were released: */
	uint32_t released; /* descriptors */
	uint64_t messages, bytes;
};

#endif
