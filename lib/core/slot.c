/* SPDX-License-Identifier: MIT */
/*
 * slot.c - a peer's own slot.
 */
#include "core/slot.h"

#include "core/place.h"
#include "core/server.h"
#include "core/text.h"

struct ivsh_wire_slot *ivsh_slot_at(const struct ivsh_region *region, uint32_t slot)
{
	if (slot >= region->geometry.slots)
		return NULL;
	return ivsh_place(region, PLACE_SLOT, slot, 0);
}

/* Counters are copied as they stand. */
#define COUNTER(name)                                                             \
	_Static_assert(__builtin_offsetof(struct ivsh_wire_slot, name) -          \
			       __builtin_offsetof(struct ivsh_wire_slot, sent) == \
			   __builtin_offsetof(struct ivsh_counters, name),        \
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

static void counters_store(struct ivsh_region *region)
{
	struct ivsh_counters *c = &region->counters;

	c->notifications_suppressed = c->sent - region->notified;
	ivsh_words_store((uint8_t *)region->slot + __builtin_offsetof(struct ivsh_wire_slot, sent),
	    (const char *)c, sizeof(*c));
}

void ivsh_attach_counters(struct ivsh_region *region)
{
	region->counters_store = counters_store;
}

void ivsh_slot_counters(struct ivsh_region *region)
{
	if (region->counters_store)
		region->counters_store(region);
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

static void word64_mend(uint64_t *word, uint64_t value)
{
	if (load64(word) != value)
		store64_release(word, value);
}

/* In the order of SPEC R5.3. */
void ivsh_slot_mend(const struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;

	word_mend(&slot->vectors, region->mem.doorbell.vectors);
	word_mend(&slot->server_epoch, region->attach_epoch);
	word_mend(&slot->connection, region->attach_connection);
	word64_mend(&slot->machine, region->mem.machine);
	word_mend(&slot->origin, region->origin);
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

/*
 * A seized slot's last owner may store a heartbeat late. So ours begins far behind its last one,
 * and what comes late is ahead: damage, and no memory that went back. SPEC R5.2.5.
 */
#define SEIZED_DISTANCE (UINT32_C(1) << 30)

void ivsh_slot_continue(struct ivsh_region *region)
{
	struct ivsh_wire_slot *slot = region->slot;
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t incarnation = load32(&slot->incarnation);

	/* Our own word, but every peer can store there, and a memory can go back. The new value has
	 * to differ from all that peers have seen of us, and from 0, which means "never". */
	if (region->incarnation != 0 && region->incarnation - incarnation <= INT32_MAX)
		incarnation = region->incarnation;
	region->incarnation = incarnation + 1;
	if (region->incarnation == 0)
		region->incarnation = 1;
	region->heartbeat = load32(&slot->heartbeat);
	if (region->seized)
		region->heartbeat -= SEIZED_DISTANCE;
	region->ticked = region->heartbeat++;
	region->origin = 0;
	ivsh_slot_counters(region);
	/* SPEC R5.9: the socket that this incarnation attached with. */
	if (server) {
		region->attach_epoch = load32(&server->epoch);
		region->attach_connection = load32(&server->connection[region->mem.self]);
	}
	ivsh_slot_mend(region);
}

void ivsh_slot_announce(struct ivsh_region *region, const char *name)
{
	/* Name, reserved bytes, services, and the counters, which begin at 0. */
	char text[__builtin_offsetof(struct ivsh_wire_slot, sent) + sizeof(region->counters) -
		  __builtin_offsetof(struct ivsh_wire_slot, name)] = {0};

	for (unsigned i = 0; name && name[i]; i++)
		text[i] = name[i];
	ivsh_text_write(region->slot, region->slot->name, text, sizeof(text));
	ivsh_slot_continue(region);
}
