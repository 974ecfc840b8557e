/* SPDX-License-Identifier: MIT */
/*
 * receive.c - receiving, where nothing stands in the way.
 *
 * What is taken here is what the sender was expected to write, compared with what we compute
 * ourselves: the wrap, a kind that is known, the one position that it can have, a length that ends
 * before the area does. All else goes the long way, receiver.c.
 */
#include "core/way.h"

/* The next message is in the buffer. (head): its head, without wrap and kind. */
static inline int taken(
    struct ivsh_chan *ch, struct ivsh_message *message, uint64_t head, void *buffer)
{
	message->data = buffer;
	message_say(message, head);
	ch->rx.read++;
	return receiver_taken(ch, 1);
}

/* What was due is done: on, or the long way. area: NULL, or where (size) bytes are to be taken. */
static __attribute__((noinline)) int receive_due(struct ivsh_chan *ch, struct ivsh_message *message,
    void *buffer, uint32_t capacity, const struct ivsh_area *area, uint32_t size)
{
	return ivsh_receiver_due(ch, area, size)
		   ? ivsh_chan_receive(ch, message, buffer, capacity)
		   : ivsh_receiver_receive(ch, message, buffer, capacity);
}

/* No message: the moment to give everything back, and to see whether the sender began anew. */
static __attribute__((noinline)) int receive_look(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	slot_tick_due(ch->region);
	if (load32(&ch->rx.other->generation) != ch->rx.generation_ack)
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	ivsh_receiver_give(ch);
	return IVSH_EAGAIN;
}

/* The same where all of that was done: who polls comes here most of the time. */
static __attribute__((noinline)) int receive_none(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	struct ivsh_region *region = ch->region;

	if (!slot_is_ours(region))
		return ivsh_slot_lost(region);
	store32(&region->slot->heartbeat, ++region->heartbeat);
	if (ch->rx.read != ch->rx.published ||
	    load32(&ch->rx.other->generation) != ch->rx.generation_ack ||
	    region->heartbeat - region->ticked >= SLOT_TICK_CALLS)
		return receive_look(ch, message, buffer, capacity);
	return IVSH_EAGAIN;
}

/* Any size that is not 8 bytes. (head): without the wrap. */
static __attribute__((noinline)) int receive_sized(struct ivsh_chan *ch,
    struct ivsh_message *message, void *buffer, uint32_t capacity, uint64_t head)
{
	uint32_t index = ch->rx.read, low = (uint32_t)head, size = control_size(head);
	uint64_t body = load64(&ch->rx.desc[index & ch->mask].body);
	uint32_t i = control_area(head);
	struct ivsh_area *area = &ch->rx.area[i & 1];

	if (low <= IVSH_WIRE_INLINE_MAX && size <= capacity) {
		copy_short_out(buffer, body, size);
		return taken(ch, message, head, buffer);
	}
	if (i >= IVSH_AREAS || size > capacity || size <= IVSH_WIRE_INLINE_MAX ||
	    body != ch->rx.now.end[i])
		return ivsh_receiver_receive(ch, message, buffer, capacity);
	if (size > area->left)
		return receive_due(ch, message, buffer, capacity, area, size);
	copy(buffer, area_at(area, (uint32_t)body), size);
	area->left -= area_room(size);
	ch->rx.now.end[i] += area_room(size);
	ch->rx.next = area_at(area, ch->rx.now.end[i]);
	return taken(ch, message, head & ~(UINT64_C(0xf) << IVSH_WIRE_CONTROL_KIND_SHIFT), buffer);
}

int ivsh_chan_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	uint32_t index = ch->rx.read;
	const struct ivsh_wire_desc *desc = &ch->rx.desc[index & ch->mask];
	uint64_t head, body;

	if (index == ch->rx.limit)
		return receive_due(ch, message, buffer, capacity, NULL, 0);
	/* Both lines are on their way from the sender at once. */
	__builtin_prefetch(ch->rx.next);
	/* Pairs with the sender's release: body and payload are there if the wrap is. */
	head = load64_acquire(&desc->control) ^ ch->rx.wrap;
	if (control_form(head) != sizeof(body) || capacity < sizeof(body))
		return head >> IVSH_WIRE_CONTROL_WRAP_SHIFT != 0
			   ? receive_none(ch, message, buffer, capacity)
			   : receive_sized(ch, message, buffer, capacity, head);
	body = load64(&desc->body);
	__builtin_memcpy(buffer, &body, sizeof(body));
	return taken(ch, message, head, buffer);
}
