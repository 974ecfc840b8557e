/* SPDX-License-Identifier: MIT */
/*
 * fastpath.h - the common parts of the fast paths: send.c, receive.c, batch.c, inplace.c.
 */
#ifndef IVSH_CORE_FASTPATH_H
#define IVSH_CORE_FASTPATH_H

#include "core/area.h"
#include "core/atomic.h"
#include "core/copy.h"
#include "core/descriptor.h"
#include "core/notify.h"
#include "core/receiver.h"
#include "core/sender.h"
#include "core/slot.h"
#include "core/trace.h"

#include <stddef.h>

/*
 * A control word without its wrap counter has the size, port and flags of an inline message where
 * struct ivsh_message has them: one word is stored, or loaded, instead of three fields.
 */
_Static_assert(__builtin_offsetof(struct ivsh_message, port) ==
		       __builtin_offsetof(struct ivsh_message, size) + 4 &&
		   __builtin_offsetof(struct ivsh_message, flags) ==
		       __builtin_offsetof(struct ivsh_message, size) + 6,
    "struct ivsh_message is laid out as a control word");

static inline void message_fill(struct ivsh_message *message, uint64_t control)
{
	__builtin_memcpy((uint8_t *)message + __builtin_offsetof(struct ivsh_message, size),
	    &control, sizeof(control));
}

/* The control word of an inline message, without its wrap counter. */
static inline uint64_t message_control(const struct ivsh_message *message)
{
	uint64_t control;

	__builtin_memcpy(&control,
	    (const uint8_t *)message + __builtin_offsetof(struct ivsh_message, size),
	    sizeof(control));
	/* The message's flags stand in its bits. */
	return control & ~(UINT64_C(0xffff) << IVSH_WIRE_CONTROL_WRAP_SHIFT);
}

/* A control word without its port: of an inline message that is there its length. */
static inline uint64_t control_form(uint64_t control)
{
	return control & ~(UINT64_C(0xffff) << IVSH_WIRE_CONTROL_PORT_SHIFT);
}

/*
 * To be called when (count) messages from (first) on are stored. region, slot: the channel's, as
 * loaded for the check that came before the stores.
 */
static inline int sender_accepted(struct ivsh_chan *ch, struct ivsh_region *region,
    struct ivsh_wire_slot *slot, uint32_t first, uint32_t count)
{
	TRACE4(send, region->mem.self, ch->peer, first, count);
	region->counters.sent += count;
	slot_beat(region, slot);
	/* The flags are loaded behind the control word. A receiver that sets them waits for stores
	 * that are on their way. SPEC R8.2.1. */
	order_program();
	if (load32(&ch->tx.other->notify_flags) != 0)
		return ivsh_sender_attend(ch, first);
	return 0;
}

/* (count) messages count as taken, and the read index moved. region, slot: as sender_accepted(). */
static inline int receiver_counted(
    struct ivsh_chan *ch, struct ivsh_region *region, struct ivsh_wire_slot *slot, uint32_t count)
{
	TRACE3(receive, region->mem.self, ch->peer, count);
	region->counters.received += count;
	slot_beat(region, slot);
	/* Publish at once if the sender waits for room. Its request is in a line that seldom
	 * changes. */
	if ((load32(&ch->rx.other->notify_request) & IVSH_WIRE_REQUEST_VECTOR) != 0)
		return ivsh_receiver_publish(ch);
	return 0;
}

/*
 * (count) messages were taken, and the read index moved. Behind the last load of their bytes the
 * caller has made an acquire fence: a processor that takes loads out of order could have the nonce
 * before the bytes, and would know nothing of an owner that was there in between. SPEC R5.6.4.
 */
static inline int receiver_taken(struct ivsh_chan *ch, uint32_t count)
{
	struct ivsh_region *region = ch->region;
	struct ivsh_wire_slot *slot = region->slot;

	/* The copied message stays in the ring, for the slot's new owner; or it is not believed,
	 * since the machine was moved. SPEC R5.11.1. */
	if (!slot_is_mine(region, slot))
		return ivsh_receiver_moved(ch);
	return receiver_counted(ch, region, slot, count);
}

/*
 * The area of a control word's payload; another number if only the slow path takes it, as with
 * start or the reserved bit.
 */
static inline uint32_t control_area(uint64_t control)
{
	return ((uint32_t)control >> IVSH_WIRE_CONTROL_KIND_SHIFT) - IVSH_WIRE_KIND_SMALL;
}

/*
 * Whether a payload of (size) bytes at (body) in area (i), as control_area() answers it, is what
 * the fast path takes: the receiver has computed the same position. The credit is not asked.
 */
static inline bool payload_is_expected(
    const struct ivsh_chan *ch, uint32_t i, uint32_t size, uint64_t body)
{
	if (i >= IVSH_AREAS || size <= IVSH_WIRE_INLINE_MAX)
		return false;
	return body == ch->rx.now.end[i];
}

/* The payload in (area), number (i), was taken, or will be: the next one follows it. */
static inline void payload_advance(
    struct ivsh_chan *ch, struct ivsh_area *area, uint32_t i, uint32_t size)
{
	area->left -= area_room(size);
	ch->rx.now.end[i] += area_room(size);
	ch->rx.next = area_at(area, ch->rx.now.end[i]);
}

#endif
