/* SPDX-License-Identifier: MIT */
/*
 * way.h - what the short ways of sending and receiving end with: send.c, receive.c, batch.c, place.c.
 */
#ifndef IVSH_CORE_WAY_H
#define IVSH_CORE_WAY_H

#include "core/atomic.h"
#include "core/copy.h"
#include "core/ring.h"
#include "core/slot.h"

#include <stddef.h>

/*
 * What a head without its wrap says of an inline message are a message's size, port and flags, as
 * they stand in memory: one word is stored, or loaded, instead of three fields.
 */
_Static_assert(offsetof(struct ivsh_message, port) == offsetof(struct ivsh_message, size) + 4 &&
		   offsetof(struct ivsh_message, flags) == offsetof(struct ivsh_message, size) + 6,
    "struct ivsh_message is laid out as a head");

static inline void message_say(struct ivsh_message *message, uint64_t head)
{
	__builtin_memcpy(
	    (uint8_t *)message + offsetof(struct ivsh_message, size), &head, sizeof(head));
}

/* The head of an inline message, without its wrap. */
static inline uint64_t message_control(const struct ivsh_message *message)
{
	uint64_t head;

	__builtin_memcpy(
	    &head, (const uint8_t *)message + offsetof(struct ivsh_message, size), sizeof(head));
	return head & ~(UINT64_C(0xffff) << IVSH_WIRE_CONTROL_WRAP_SHIFT); /* flags are nobody's */
}

/* A head without wrap and port: of an inline message its length. */
static inline uint64_t control_form(uint64_t head)
{
	return head & ~(UINT64_C(0xffff) << IVSH_WIRE_CONTROL_PORT_SHIFT);
}

/* slot_is_ours() for who has loaded the slot already, and needs it once more. */
static inline bool slot_is_mine(const struct ivsh_region *region, const struct ivsh_wire_slot *slot)
{
	return load64(&slot->nonce) == region->nonce;
}

/*
 * (count) messages from (first) on are there. region, slot: the channel's, as loaded for the look
 * that came before them.
 */
static inline int sender_accepted(struct ivsh_chan *ch, struct ivsh_region *region,
    struct ivsh_wire_slot *slot, uint32_t first, uint32_t count)
{
	region->counters.sent += count;
	store32(&slot->heartbeat, ++region->heartbeat);
	/* Not before the head: who begins to ask waits for stores that are on their way. SPEC R8.7. */
	order_program();
	if (load32(&ch->tx.other->notify_flags) != 0)
		return ivsh_sender_attend(ch, first);
	return 0;
}

/* (count) messages were taken, and the read index moved. */
static inline int receiver_taken(struct ivsh_chan *ch, uint32_t count)
{
	struct ivsh_region *region = ch->region;
	struct ivsh_wire_slot *slot = region->slot;

	/* What was copied stays in the ring, for who has the slot now. */
	if (!slot_is_mine(region, slot))
		return ivsh_slot_lost(region);
	region->counters.received += count;
	store32(&slot->heartbeat, ++region->heartbeat);
	/* Also when the sender waits for room: a word of its own line, which seldom changes. */
	if ((load32(&ch->rx.other->notify_request) & IVSH_WIRE_REQUEST_VECTOR) != 0)
		return ivsh_receiver_publish(ch);
	return 0;
}

/* The area that the payload of a head is in; another number if the long way has to look at it. */
static inline uint32_t control_area(uint64_t head)
{
	/* Also if it says start, or has the bit that is reserved. */
	return ((uint32_t)head >> IVSH_WIRE_CONTROL_KIND_SHIFT) - IVSH_WIRE_KIND_SMALL;
}

#endif
