/* SPDX-License-Identifier: MIT */
/*
 * slot.c - a peer's own slot.
 */
#include "core/slot.h"

#include "core/layout.h"
#include "core/server.h"
#include "core/text.h"

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

void ivsh_slot_counters(struct ivsh_region *region)
{
	struct ivsh_counters *c = &region->counters;

	c->notifications_suppressed = c->sent - region->notified;
	ivsh_words_store((uint8_t *)region->slot + offsetof(struct ivsh_wire_slot, sent),
	    (const char *)c, sizeof(*c));
}

/*
 * Release: a reader that loads the new incarnation finds the words stored before it, and one that
 * loads the new state finds the incarnation.
 */
static void word_mend(uint32_t *word, uint32_t value)
{
	if (load32(word) != value)
		store32_release(word, value);
}

/*
 * Store this incarnation's words, in the order of SPEC R5.3. This also replaces what another peer
 * has stored over them. SPEC R9.5.4.
 */
static void slot_mend(const struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;

	word_mend(&slot->vectors, region->mem.doorbell.vectors);
	word_mend(&slot->server_epoch, region->attach_epoch);
	word_mend(&slot->connection, region->attach_connection);
	word_mend(&slot->incarnation, region->incarnation);
	word_mend(&slot->heartbeat, region->heartbeat);
	word_mend(&slot->state, IVSH_WIRE_STATE_ATTACHED);
	if (load32(&slot->sequence) & 1)
		ivsh_text_end(slot);
}

int ivsh_slot_sign(struct ivsh_region *region)
{
	uint64_t *nonce = &region->slot->nonce, before = load64(nonce);

	store64_release(nonce, region->nonce);
	/* So that the second load reads the memory, not our store. */
	fence_full();
	return before != region->nonce && load64(nonce) == before ? IVSH_EREADONLY : 0;
}

static void channels_check(struct ivsh_region *region)
{
	if (region->channels_check)
		region->channels_check(region);
}

int ivsh_slot_lost(struct ivsh_region *region)
{
	region->attached = false;
	channels_check(region);
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
	channels_check(region);
	ivsh_slot_publish(region);
}

void ivsh_slot_announce(struct ivsh_region *region, const char *name)
{
	struct ivsh_wire_slot *slot = region->slot;
	const struct ivsh_wire_server *server = server_page(region);
	/* Name, reserved bytes, services: up to the counters. */
	char text[offsetof(struct ivsh_wire_slot, sent) - offsetof(struct ivsh_wire_slot, name)] = {
	    0};

	for (unsigned i = 0; name && name[i]; i++)
		text[i] = name[i];
	ivsh_text_write(slot, slot->name, text, sizeof(text));

	/* Our own word, but every peer can store there. The new value only has to differ from the
	 * last one, and from 0, which means "never". */
	region->incarnation = load32(&slot->incarnation) + 1;
	if (region->incarnation == 0)
		region->incarnation = 1;
	region->heartbeat = region->ticked = load32(&slot->heartbeat);
	ivsh_slot_counters(region);
	/* SPEC R5.9: the socket that this incarnation attached with. */
	if (server) {
		region->attach_epoch = load32(&server->epoch);
		region->attach_connection = load32(&server->connection[region->mem.self]);
	}
	region->heartbeat++;
	slot_mend(region);
}
