/* SPDX-License-Identifier: MIT */
/*
 * slot.h - a peer's own slot: announcing an incarnation, its heartbeat, and whether it is still
 * ours. SPEC 5.
 */
#ifndef IVSH_CORE_SLOT_H
#define IVSH_CORE_SLOT_H

#include "core/atomic.h"
#include "core/linkage.h"

#include <ivsh/region.h>

#include <stddef.h>

/* --- Storing: slot.c ------------------------------------------------------------------------ */

/* The lines of slot (slot), any number; NULL if there is no such slot, or its part is not here. */
struct ivsh_wire_slot *ivsh_slot_at(const struct ivsh_region *region, uint32_t slot);

/* Store our nonce. 0, or IVSH_EREADONLY: the store did not change the word. */
int ivsh_slot_sign(struct ivsh_region *region);

/* Announce this incarnation in region->slot: all of line 0, the name, the counters. */
void ivsh_slot_announce(struct ivsh_region *region, const char *name);

/* The same for the next incarnation of the same handle: name, services and counters are kept. */
void ivsh_slot_continue(struct ivsh_region *region);

/* Store region->counters where others can read them, if the program has named that. */
void ivsh_slot_counters(struct ivsh_region *region);

/* Store again the words of the slot that others have damaged. SPEC R9.5.4. */
void ivsh_slot_mend(const struct ivsh_region *region);

/* --- Whose messages: origin.c --------------------------------------------------------------- */

/*
 * The incarnation that the messages of slot (slot) name: of a peer of another region, where the
 * slot is one of a bridge. 0: there is no such slot, or nobody was ever there. SPEC R5.16.
 */
HIDDEN uint32_t ivsh_slot_named(const struct ivsh_region *region, uint32_t slot);

/* --- Keeping: moved.c ----------------------------------------------------------------------- */

/*
 * The slot does not read as ours, or its heartbeat went back: find out why. IVSH_EAGAIN: the
 * machine or the memory was moved, and a new incarnation goes on: nothing that was read before
 * counts. IVSH_ELOST, IVSH_EREMOVED: the handle is dead.
 */
int ivsh_slot_moved(struct ivsh_region *region);

/* The same of a handle that goes on as another incarnation: for region->slot_renew. Attached. */
HIDDEN int ivsh_slot_renew(struct ivsh_region *region);

/* 0 while the slot is ours and its heartbeat did not go back; else as ivsh_slot_moved(). */
int ivsh_slot_check(struct ivsh_region *region);

/*
 * Store the counters, and store again the words that others have damaged, if the slot is still
 * ours. Answers as ivsh_slot_check(). SPEC R5.6.
 */
int ivsh_slot_publish(struct ivsh_region *region);

/* Give up the slot and its rings, as lost or detached. */
void ivsh_slot_end(struct ivsh_region *region);

/* 0 while the slot is ours; else as ivsh_slot_moved(). */
APART int ivsh_slot_keep(struct ivsh_region *region);

/* SPEC R5.4, R5.6: every call advances the heartbeat. Answers as ivsh_slot_keep(). */
APART int ivsh_slot_enter(struct ivsh_region *region);

/* Publish, and let the channels check their own words. Answers as ivsh_slot_check(). SPEC R6.6. */
int ivsh_slot_tick(struct ivsh_region *region);

/* Part of each slow call: the same, every SLOT_TICK_CALLS calls, and when the heartbeat differs. */
APART int ivsh_slot_tick_due(struct ivsh_region *region);

#define SLOT_TICK_CALLS 256u

/* What a call answers that finds no lines of slot (slot). */
static inline int slot_none(const struct ivsh_region *region, uint32_t slot)
{
	return slot < region->geometry.slots ? IVSH_EPART : IVSH_EINVAL;
}

/* What a call answers when the slot is not ours any more. */
static inline int slot_error(const struct ivsh_region *region)
{
	return region->removed ? IVSH_EREMOVED : IVSH_ELOST;
}

/*
 * SPEC R5.6, R5.11: false once another peer has claimed this slot, and once the machine was moved.
 * Each call checks before it stores into a ring, and behind its last load of what it believes: the
 * machine may be stopped, or moved, at any instruction. (slot): region->slot, which the caller has
 * loaded already, and needs again.
 */
static inline bool slot_is_mine(const struct ivsh_region *region, const struct ivsh_wire_slot *slot)
{
	return (load64(&slot->nonce) ^ load64_private(region->mem.vm_generation)) == region->token;
}

static inline bool slot_is_ours(const struct ivsh_region *region)
{
	return slot_is_mine(region, region->slot);
}

/* Whether our nonce is in the slot, whatever the VM generation is. */
static inline bool slot_is_signed(const struct ivsh_region *region)
{
	return load64(&region->slot->nonce) == region->nonce;
}

/*
 * SPEC R5.4, R5.12: in the memory and beside it. A memory that goes back takes its heartbeat along,
 * and the difference stays until a check finds it.
 */
static inline void slot_beat(struct ivsh_region *region, struct ivsh_wire_slot *slot)
{
	store32(&slot->heartbeat, load32(&slot->heartbeat) + 1);
	region->heartbeat++;
}

static inline bool slot_beats_alike(const struct ivsh_region *region)
{
	return load32(&region->slot->heartbeat) == region->heartbeat;
}

static inline bool slot_tick_is_due(const struct ivsh_region *region)
{
	return region->heartbeat - region->ticked >= SLOT_TICK_CALLS || !slot_beats_alike(region);
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
