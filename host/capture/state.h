/* SPDX-License-Identifier: MIT */
/*
 * state.h - a capture: its options, what it has counted, and what its files share.
 */
#ifndef CAPTURE_STATE_H
#define CAPTURE_STATE_H

#include <ivsh/region.h>

#include "capture/follow.h"
#include "capture/drain.h"
#include "capture/pcapng.h"

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_ALL UINT32_MAX /* of a slot: each */

/* What Wireshark reads of one packet: wiretap/wtap.h, WTAP_MAX_PACKET_SIZE_STANDARD. */
#define CAPTURE_SNAP (262144u - (uint32_t)sizeof(struct packet_header))

enum capture_end {
	CAPTURE_DONE,      /* a signal, the time, or the count */
	CAPTURE_DRAIN,     /* drain.error says why */
	CAPTURE_FORMATTED, /* the region was formatted again */
	CAPTURE_MEMORY,    /* no memory of this process */
};

/* The caller's options and, behind capture_run(), its answers. */
struct capture {
	const struct ivsh_region *region; /* probed: its memory is only read */
	const char *object;               /* what names the region */
	uint32_t from, to, either;        /* slots, or CAPTURE_ALL; either: one of the two ends */
	bool has_port;
	uint16_t port;
	bool unproven;    /* released messages too, marked */
	uint32_t snap;    /* bytes of a message that are kept, at most */
	uint64_t count;   /* messages; 0: no limit */
	uint64_t time_ns; /* 0: no limit */
	bool naps;        /* between looks that find nothing, after (spin_ns) */
	uint64_t spin_ns;
	bool (*stopped)(void);
	struct drain drain; /* open */

	uint64_t written;  /* messages in the file */
	uint64_t unproved; /* of these */
	uint64_t filtered; /* seen, and of another port */
	uint64_t damaged;  /* descriptors that break SPEC.md */
	uint64_t missed;   /* messages, the least number */
	bool at_least;     /* there may have been more */

	/* For capture.c. */
	uint64_t taken; /* descriptors */
	bool is_back;   /* the memory went back, or still does */
	struct follow *rings;
	uint32_t ring_count;
	uint32_t wanted_count; /* of rings; more: parts of a split region are not here */
	uint32_t late;         /* the slot whose part was looked for last */
	struct follow **open;  /* those of (rings) that were opened */
	uint32_t open_count;
	uint64_t start_ns; /* since 1970 */
	uint64_t wait_ns;  /* when the oldest block in the buffer was put there */
	enum capture_end end;
	struct guard *guard;
};

#endif
