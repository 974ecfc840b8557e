/* SPDX-License-Identifier: MIT */
/*
 * probe.h - a region seen from outside: nothing is written, no slot is taken.
 *
 * A command that only shows who is there must not overwrite what a dead peer left, and must not
 * need write access to a file. All values here are read from the memory: numbers are unchecked,
 * names are cleaned. What cannot be known is said so.
 */
#ifndef APP_PROBE_H
#define APP_PROBE_H

#include <ivsh/peers.h>
#include <ivsh/region.h>

/* One slot. */
struct probe_slot {
	struct ivsh_peer peer; /* presence and connection: of what was seen to move */
	struct ivsh_counters counters;
	bool text_known; /* name and services: else they are being written, or that was cut */
	bool no_part;    /* of a split region: its part is not here, or not used */

	bool ours;          /* set by the caller: no other peer can be in it */
	uint32_t heartbeat; /* as first seen */
	bool moves;         /* it was seen to move */
};

struct probe {
	struct ivsh_region region; /* probed, not attached */
	uint64_t size;             /* bytes of the region */
	uint32_t server_heartbeat; /* as first seen */
	bool server_moves;
	struct probe_slot slot[IVSH_WIRE_SLOTS_MAX]; /* region.geometry.slots of them */
};

/*
 * Begin: check the header of (mem). 0, or the error that ivsh_region_attach() would answer, with
 * what belongs to it in (attach): IVSH_ENODEV, IVSH_EPROTO, IVSH_EVERSION, IVSH_ENOSPC.
 */
int probe_open(
    struct probe *probe, const struct ivsh_mem *mem, struct ivsh_attach *attach) IVSH_MUST_CHECK;

/*
 * Probe until further probing adds nothing, for IVSH_HEARTBEAT_LIMIT_NS at the most. Afterwards
 * (probe) has names and counters, and the presence of each slot.
 */
void probe_watch(struct probe *probe);

/* Whether (slot) is worth a line: somebody was there, or is connected; or its words
 * cannot be believed. One without a part has none that could be. */
bool probe_is_shown(const struct probe_slot *slot);

#endif
