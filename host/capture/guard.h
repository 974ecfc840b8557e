/* SPDX-License-Identifier: MIT */
/*
 * guard.h - whether the memory is still the same: not formatted again, and not gone back.
 *
 * A snapshot that is restored under the observer puts other bytes into the memory, in any order,
 * while words that were copied look as before. A heartbeat that is behind the one that was seen
 * before says so, as to a peer (SPEC R5.12); and the magic says that somebody formats (R3.2).
 */
#ifndef CAPTURE_GUARD_H
#define CAPTURE_GUARD_H

#include <ivsh/region.h>

#include <stdbool.h>
#include <stdint.h>

struct guard {
	const struct ivsh_region *region;
	struct {
		uint32_t heartbeat, incarnation;
		bool is_here; /* else its part of a split region is not used */
		bool is_used; /* since the last check */
	} slot[IVSH_WIRE_SLOTS_MAX];
};

enum guard_finding {
	GUARD_SAME,
	GUARD_BACK,      /* the memory went back */
	GUARD_FORMATTED, /* or is being formatted */
};

void guard_begin(struct guard *guard, const struct ivsh_region *region);

/* The slot's part of a split region may be here now. */
void guard_add(struct guard *guard, uint32_t slot);

/* Something was copied that this slot's peer stored. */
void guard_use(struct guard *guard, uint32_t slot);

/* Behind the copies: check the slots that were used since the last time; or all of them. */
enum guard_finding guard_check(struct guard *guard, bool all);

#endif
