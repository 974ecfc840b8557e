/* SPDX-License-Identifier: MIT */
/*
 * guard.c - whether the memory is still the same.
 */
#include "capture/guard.h"

#include "core/atomic.h"
#include "core/place.h"

#include <string.h>

/*
 * A claimant begins its heartbeat 2^30 below the one that it found (SPEC R5.2.5), before it
 * announces itself. No other way back is that far.
 */
#define BACK_MOST (UINT32_C(1) << 29)

/* NULL: in a split region, that slot's part is not used, so far. */
static const struct ivsh_wire_slot *slot_at(const struct ivsh_region *region, uint32_t slot)
{
	return ivsh_place(region, PLACE_SLOT, slot, 0);
}

void guard_begin(struct guard *g, const struct ivsh_region *region)
{
	memset(g, 0, sizeof(*g));
	g->region = region;
	for (uint32_t i = 0; i < region->geometry.slots; i++)
		guard_add(g, i);
}

void guard_add(struct guard *g, uint32_t slot)
{
	const struct ivsh_wire_slot *at = slot_at(g->region, slot);

	if (!at)
		return;
	g->slot[slot].is_here = true;
	g->slot[slot].heartbeat = load32(&at->heartbeat);
	g->slot[slot].incarnation = load32(&at->incarnation);
}

void guard_use(struct guard *g, uint32_t slot)
{
	g->slot[slot].is_used = true;
}

static bool went_back(struct guard *g, uint32_t slot)
{
	const struct ivsh_wire_slot *at = slot_at(g->region, slot);
	uint32_t heartbeat = load32(&at->heartbeat);
	uint32_t incarnation = load32_acquire(&at->incarnation);
	uint32_t behind = g->slot[slot].heartbeat - heartbeat;
	bool back = incarnation - g->slot[slot].incarnation > INT32_MAX ||
		    (behind != 0 && behind < BACK_MOST);

	g->slot[slot].heartbeat = heartbeat;
	g->slot[slot].incarnation = incarnation;
	g->slot[slot].is_used = false;
	return back;
}

enum guard_finding guard_check(struct guard *g, bool all)
{
	const struct ivsh_wire_header *header = g->region->mem.base;
	bool back = false;

	/* All that was copied comes before what follows. */
	fence_acquire();
	for (uint32_t i = 0; i < g->region->geometry.slots; i++)
		if (g->slot[i].is_here && (all || g->slot[i].is_used))
			back |= went_back(g, i);
	/* SPEC R3.2.2: a formatter stores 0 into the magic before all else. */
	if (load64_acquire(&header->magic) != IVSH_WIRE_MAGIC ||
	    load64(&header->format_id) != g->region->format_id)
		return GUARD_FORMATTED;
	return back ? GUARD_BACK : GUARD_SAME;
}
