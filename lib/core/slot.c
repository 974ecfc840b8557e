/* SPDX-License-Identifier: MIT */
/*
 * slot.c - a peer's own slot.
 */
#include "core/slot.h"

#include "core/ring.h"

struct ivsh_wire_slot *ivsh_slot_at(const struct ivsh_region *region, uint32_t slot)
{
	if (slot >= region->geometry.slots)
		return NULL;
	return (struct ivsh_wire_slot *)layout_at(region->mem.base, region->mem.size,
	    IVSH_WIRE_SLOTS_OFFSET + (uint64_t)slot * sizeof(struct ivsh_wire_slot),
	    sizeof(struct ivsh_wire_slot));
}

/* Counters are copied as they stand. */
#define COUNTER(name)                                                                        \
	_Static_assert(                                                                      \
	    offsetof(struct ivsh_wire_slot, name) - offsetof(struct ivsh_wire_slot, sent) == \
		offsetof(struct ivsh_counters, name),                                        \
	    #name)
COUNTER(received);
COUNTER(full);
COUNTER(discarded);
COUNTER(notifications_sent);
COUNTER(notifications_suppressed);
COUNTER(wakes_doorbell);
COUNTER(wakes_timer);
COUNTER(errors);
COUNTER(lost);
COUNTER(missed_notifications);

bool ivsh_slot_name_valid(const char *name)
{
	if (!name)
		return true;
	for (unsigned i = 0; i < IVSH_WIRE_NAME_SIZE; i++) {
		if (name[i] == '\0')
			return true;
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return false;
}

void ivsh_slot_counters(struct ivsh_region *region)
{
	struct ivsh_counters *c = &region->counters;

	c->notifications_suppressed = c->sent - region->notified;
	ivsh_slot_write((uint8_t *)region->slot + offsetof(struct ivsh_wire_slot, sent),
	    (const char *)c, sizeof(*c));
}

/* Release: boot says that what was stored before it is there, and state that boot is. */
static void slot_restore(uint32_t *word, uint32_t value)
{
	if (load32(word) != value)
		store32_release(word, value);
}

/*
 * This life's words, in the order of SPEC R5.3. What somebody else writes over them does not stay.
 * SPEC R9.5.
 */
static void slot_mend(const struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;

	slot_restore(&slot->vectors, region->mem.doorbell.vectors);
	slot_restore(&slot->server_epoch, region->came_epoch);
	slot_restore(&slot->connection, region->came_connection);
	slot_restore(&slot->incarnation, region->incarnation);
	slot_restore(&slot->heartbeat, region->heartbeat);
	slot_restore(&slot->state, IVSH_WIRE_STATE_ATTACHED);
	if (load32(&slot->sequence) & 1)
		ivsh_slot_write_end(slot);
}

int ivsh_slot_sign(struct ivsh_region *region)
{
	uint64_t *nonce = &region->slot->nonce, before = load64(nonce);

	store64_release(nonce, region->nonce);
	/* The second look is at the memory, not at our store. */
	fence_full();
	return before != region->nonce && load64(nonce) == before ? IVSH_EREADONLY : 0;
}

int ivsh_slot_lost(struct ivsh_region *region)
{
	region->attached = false;
	ivsh_region_stop(region);
	return IVSH_ELOST;
}

void ivsh_slot_publish(struct ivsh_region *region)
{
	if (slot_is_ours(region)) {
		if (region->attached)
			slot_mend(region);
		ivsh_slot_counters(region);
	} else {
		(void)ivsh_slot_lost(region);
	}
}

void ivsh_slot_tick(struct ivsh_region *region)
{
	region->ticked = region->heartbeat;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (ch->dead)
			continue;
		ivsh_chan_check(ch);
		if (ch->dead)
			ch->unreported = region->broke = true;
	}
	ivsh_slot_publish(region);
}

/*
 * A life that was cut while it wrote left an odd generation: readers retry until this one is even
 * again. Release orders odd before the bytes, and the bytes before even; ivsh_slot_read() is the
 * other side.
 */
void ivsh_slot_write_begin(struct ivsh_wire_slot *slot)
{
	store32(&slot->sequence, load32(&slot->sequence) | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void ivsh_slot_write(uint8_t *to, const char *from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t word;

		__builtin_memcpy(&word, from + i, sizeof(word));
		store64((uint64_t *)(void *)(to + i), word);
	}
}

void ivsh_slot_write_end(struct ivsh_wire_slot *slot)
{
	/* Even, whatever somebody has made of it meanwhile: nobody reads under an odd one. */
	store32_release(&slot->sequence, (load32(&slot->sequence) | 1) + 1);
}

void ivsh_slot_announce(struct ivsh_region *region, const char *name)
{
	struct ivsh_wire_slot *slot = region->slot;
	const struct ivsh_wire_server *server = server_page(region);
	/* Name, reserved bytes, services: up to the counters. */
	char text[offsetof(struct ivsh_wire_slot, sent) - offsetof(struct ivsh_wire_slot, name)] = {
	    0};

	ivsh_slot_write_begin(slot);
	for (unsigned i = 0; name && name[i]; i++)
		text[i] = name[i];
	ivsh_slot_write(slot->name, text, sizeof(text));
	ivsh_slot_write_end(slot);

	/* The slot's own word, but everybody can write it: all that is asked of it is to differ
	 * from the last one, and 0 means "never". */
	region->incarnation = load32(&slot->incarnation) + 1;
	if (region->incarnation == 0)
		region->incarnation = 1;
	region->heartbeat = region->ticked = load32(&slot->heartbeat);
	ivsh_slot_counters(region);
	/* SPEC R5.9: the socket that this life came with. */
	if (server) {
		region->came_epoch = load32(&server->epoch);
		region->came_connection = load32(&server->connection[region->mem.self]);
	}
	region->heartbeat++;
	slot_mend(region);
}
