/* SPDX-License-Identifier: MIT */
/*
 * slot.h - a peer's own slot: saying who is there, and staying alive in it.
 */
#ifndef IVSH_CORE_SLOT_H
#define IVSH_CORE_SLOT_H

#include "core/atomic.h"
#include "core/layout.h"

#include <ivsh/region.h>

#include <stddef.h>

/* (name) is NULL or at most 31 printable ASCII characters. */
bool ivsh_slot_name_valid(const char *name);

/* Announce this life in region->slot: everything of line 0, the name, the counters. */
void ivsh_slot_announce(struct ivsh_region *region, const char *name);

/*
 * Copy (size) bytes, a multiple of 8, of name or services at (from): false if they are being written
 * all the time. SPEC R5.7.
 */
bool ivsh_slot_read(
    const struct ivsh_wire_slot *slot, const uint8_t *from, char *to, uint32_t size);

/* What others wrote goes to somebody's terminal: end (text) of (size) bytes, and clean it. */
void ivsh_slot_clean(char *text, uint32_t size);

/* Write name or services between these two; the slot is our own. (to) and (size) as above. */
void ivsh_slot_write_begin(struct ivsh_wire_slot *slot);
void ivsh_slot_write(uint8_t *to, const char *from, uint32_t size);
void ivsh_slot_write_end(struct ivsh_wire_slot *slot);

/* Store region->counters where others can read them. */
void ivsh_slot_counters(struct ivsh_region *region);

/* The lines of slot (slot), any number; NULL if there is no such slot. */
struct ivsh_wire_slot *ivsh_slot_at(const struct ivsh_region *region, uint32_t slot);

/* The server's page; NULL in a memory too small to have one. */
static inline const struct ivsh_wire_server *server_page(const struct ivsh_region *region)
{
	return (const struct ivsh_wire_server *)layout_at(region->mem.base, region->mem.size,
	    IVSH_WIRE_SERVER_OFFSET, sizeof(struct ivsh_wire_server));
}

/* The server's count of changes: another one means that a slot came or went. */
static inline uint32_t server_change(const struct ivsh_region *region)
{
	const struct ivsh_wire_server *server = server_page(region);

	return server ? load32_acquire(&server->change) : 0;
}

/*
 * SPEC R5.6: false once another peer has claimed this slot. Whoever is about to store into a ring
 * looks before: a machine that was stopped goes on in the midst of anything.
 */
static inline bool slot_is_ours(const struct ivsh_region *region)
{
	return load64(&region->slot->nonce) == region->nonce;
}

/* Write our nonce. 0, or IVSH_EREADONLY: what stood there before still does. */
int ivsh_slot_sign(struct ivsh_region *region);

/* Another peer has the slot: nothing of it, nor of its rings, is ours. Answers IVSH_ELOST. */
int ivsh_slot_lost(struct ivsh_region *region);

/* Publish the counters, if the slot is still ours. SPEC R5.6. */
void ivsh_slot_publish(struct ivsh_region *region);

/* Mail word (i), of eight senders, of our slot: what differs from when ivsh_region_next() saw it. */
static inline uint64_t pending_changed(const struct ivsh_region *region, uint32_t i)
{
	const uint8_t *bytes = &region->slot->pending[8 * i];

	return load64_acquire((const uint64_t *)(const void *)bytes) ^ region->pending[i];
}

/* The slot is not ours any more, or not for long: no channel goes on without looking. */
void ivsh_region_stop(struct ivsh_region *region);

/* Publish the counters, and look whether our own words in the rings are still ours. */
void ivsh_slot_tick(struct ivsh_region *region);

/* So many calls after the last tick there is another: at once, or when a message's limit comes. */
#define SLOT_TICK_CALLS 256u

static inline void slot_tick_due(struct ivsh_region *region)
{
	if (region->heartbeat - region->ticked >= SLOT_TICK_CALLS)
		ivsh_slot_tick(region);
}

/* SPEC R5.6: what comes before stores into a ring. False: the slot is not ours. */
static inline bool slot_keep(struct ivsh_region *region)
{
	if (!region->attached)
		return false;
	if (!slot_is_ours(region)) {
		(void)ivsh_slot_lost(region);
		return false;
	}
	return true;
}

/* SPEC R5.4, R5.6: any call shows that this peer lives, while the slot is its own. */
static inline void slot_beat(struct ivsh_region *region)
{
	if (!slot_keep(region))
		return;
	store32(&region->slot->heartbeat, ++region->heartbeat);
	slot_tick_due(region);
}

#endif
