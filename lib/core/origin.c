/* SPDX-License-Identifier: MIT */
/*
 * origin.c - whose messages a peer sends: its own, or another region's peer's. SPEC R5.16.
 */
#include "core/slot.h"

#include <ivsh/peers.h>

HIDDEN uint32_t ivsh_slot_origin(const struct ivsh_region *region, uint32_t slot);

int ivsh_region_origin(struct ivsh_region *region, uint32_t incarnation)
{
	int error = ivsh_slot_enter(region);

	if (error && error != IVSH_EAGAIN)
		return error;
	region->origin = incarnation;
	store32_release(&region->slot->origin, incarnation);
	return 0;
}

uint32_t ivsh_slot_named(const struct ivsh_region *region, uint32_t slot)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);
	uint32_t incarnation, origin;

	if (!s)
		return 0;
	incarnation = load32_acquire(&s->incarnation);
	origin = load32_acquire(&s->origin);
	return origin ? origin : incarnation;
}

uint32_t ivsh_slot_origin(const struct ivsh_region *region, uint32_t slot)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);

	return s ? load32(&s->origin) : 0;
}
