/* SPDX-License-Identifier: MIT */
/*
 * slot.h - a peer's own slot: announcing an incarnation, and its heartbeat. SPEC 5.
 */
#ifndef IVSH_CORE_SLOT_H
#define IVSH_CORE_SLOT_H

#include "core/atomic.h"

#include <ivsh/region.h>

#include <stddef.h>

/* The lines of slot (slot), any number; NULL if there is no such slot. */
struct ivsh_wire_slot *ivsh_slot_at(const struct ivsh_region *region, uint32_t slot);

/* Store our nonce. 0, or IVSH_EREADONLY: the store did not change the word. */
int ivsh_slot_sign(struct ivsh_region *region);

/* Announce this incarnation in region->slot: all of line 0, the name, the counters. */
void ivsh_slot_announce(struct ivsh_region *region, const char *name);

/* Store region->counters where others can read them. */
void ivsh_slot_counters(struct ivsh_region *region);

/*
 * Store the counters, and store again the words that others have damaged, if the slot is still
 * ours. SPEC R5.6.
 */
void ivsh_slot_publish(struct ivsh_region *region);

/* Give up the slot and its rings, as lost or detached. Answers IVSH_ELOST. */
int ivsh_slot_lost(struct ivsh_region *region);

/* Every SLOT_TICK_CALLS calls: publish, and let the channels check their own words. SPEC R6.6. */
void ivsh_slot_tick(struct ivsh_region *region);

#define SLOT_TICK_CALLS 256u

/*
 * SPEC R5.6: false once another peer has claimed this slot. Each call checks before it stores into
 * a ring: the machine may have been stopped at any instruction.
 */
static inline bool slot_is_ours(const struct ivsh_region *region)
{
	return load64(&region->slot->nonce) == region->nonce;
}

/* The same for a caller that has loaded region->slot already, and needs it again. */
static inline bool slot_is_mine(const struct ivsh_region *region, const struct ivsh_wire_slot *slot)
{
	return load64(&slot->nonce) == region->nonce;
}

/* Part of each call: tick if a tick is due. */
static inline void slot_tick_due(struct ivsh_region *region)
{
	if (region->heartbeat - region->ticked >= SLOT_TICK_CALLS)
		ivsh_slot_tick(region);
}

/* 0 while the slot is ours; else IVSH_ELOST. */
static inline int slot_keep(struct ivsh_region *region)
{
	if (!region->attached)
		return IVSH_ELOST;
	if (slot_is_ours(region))
		return 0;
	(void)ivsh_slot_lost(region);
	return IVSH_ELOST;
}

/* SPEC R5.4, R5.6: every call advances the heartbeat. 0 while the slot is ours; else IVSH_ELOST. */
static inline int slot_enter(struct ivsh_region *region)
{
	if (slot_keep(region))
		return IVSH_ELOST;
	store32(&region->slot->heartbeat, ++region->heartbeat);
	slot_tick_due(region);
	return region->attached ? 0 : IVSH_ELOST;
}

/*
 * Word (i) of our slot's pending bytes, which has those of eight senders: the bits that have
 * changed since ivsh_region_next() read them.
 */
static inline uint64_t pending_changed(const struct ivsh_region *region, uint32_t i)
{
	const uint8_t *bytes = &region->slot->pending[8 * i];

	return load64_acquire((const uint64_t *)(const void *)bytes) ^ region->pending[i];
}

#endif
