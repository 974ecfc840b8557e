/* SPDX-License-Identifier: MIT */
/*
 * place.c - writing and reading payloads where they stand, where nothing stands in the way.
 *
 * As send.c and receive.c, in two steps each. Between the two the limit says stop to everything
 * else, and (resume) keeps what it was: unless that stops, too, the second step needs no look.
 */
#include "core/way.h"

int ivsh_chan_reserve(struct ivsh_chan *ch, uint32_t size, void **payload)
{
	uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL,
		 head = ch->tx.head;

	if (head == ch->tx.limit || (size > IVSH_WIRE_INLINE_MAX && size > ch->tx.area[i].left))
		return ivsh_sender_reserve(ch, size, payload);
	ch->tx.reserved_size = size;
	if (size <= IVSH_WIRE_INLINE_MAX) {
		ch->tx.reserved_kind = IVSH_WIRE_KIND_INLINE;
		ch->tx.body = 0;
		*payload = &ch->tx.body;
	} else {
		ch->tx.reserved_kind = (uint8_t)(IVSH_WIRE_KIND_SMALL + i);
		ch->tx.reserved_position = ch->tx.now.end[i];
		*payload = area_at(&ch->tx.area[i], ch->tx.now.end[i]);
	}
	ch->tx.reserved = true;
	ch->tx.resume = ch->tx.limit;
	ch->tx.limit = head;
	return 0;
}

int ivsh_chan_publish(struct ivsh_chan *ch, uint16_t port)
{
	uint32_t kind = ch->tx.reserved_kind, size = ch->tx.reserved_size, index = ch->tx.head;
	uint64_t body = ch->tx.body;
	struct ivsh_region *region;
	struct ivsh_wire_slot *slot;

	if (!ch->tx.reserved || ch->tx.resume == index)
		return ivsh_sender_publish(ch, port);
	if (kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = kind - IVSH_WIRE_KIND_SMALL;

		/* Nothing has touched it since; but more than this must never seem to be left. */
		if (size > ch->tx.area[i].left)
			return ivsh_sender_publish(ch, port);
		body = ch->tx.reserved_position;
		ch->tx.now.end[i] += area_room(size);
		ch->tx.area[i].left -= area_room(size);
	}
	region = ch->region;
	slot = region->slot;
	if (!slot_is_mine(region, slot))
		return ivsh_slot_lost(region);
	ch->tx.reserved = false;
	ch->tx.limit = ch->tx.resume;
	sender_store(ch, index, control_make(port, kind, size), body);
	return sender_accepted(ch, region, slot, index, 1);
}

int ivsh_chan_peek(struct ivsh_chan *ch, struct ivsh_message *message)
{
	uint32_t index = ch->rx.read, size, i;
	const struct ivsh_wire_desc *desc = &ch->rx.desc[index & ch->mask];
	uint64_t head;

	if (index == ch->rx.limit)
		return ivsh_receiver_peek(ch, message);
	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	__builtin_prefetch(ch->rx.next);
	/* Pairs with the sender's release: body and payload are there if the wrap is. */
	head = load64_acquire(&desc->control) ^ ch->rx.wrap;
	if (head >> IVSH_WIRE_CONTROL_WRAP_SHIFT != 0)
		return ivsh_receiver_peek(ch, message);
	size = control_size(head);
	ch->rx.body = load64(&desc->body);
	if ((uint32_t)head <= IVSH_WIRE_INLINE_MAX) {
		ch->rx.kind = IVSH_WIRE_KIND_INLINE;
		ch->rx.data = &ch->rx.body;
	} else {
		i = control_area(head);
		if (i >= IVSH_AREAS || size == 0 || size > ch->rx.area[i].left ||
		    ch->rx.body != ch->rx.now.end[i])
			return ivsh_receiver_peek(ch, message);
		ch->rx.kind = (uint8_t)(IVSH_WIRE_KIND_SMALL + i);
		ch->rx.position = ch->rx.now.end[i];
		ch->rx.data = area_at(&ch->rx.area[i], ch->rx.position);
	}
	ch->rx.size = size;
	ch->rx.port = control_port(head);
	ch->rx.peeked = true;
	ch->rx.resume = ch->rx.limit;
	ch->rx.limit = index;
	store32(&ch->region->slot->heartbeat, ++ch->region->heartbeat);
	message->data = ch->rx.data;
	message->size = size;
	message->port = ch->rx.port;
	message->flags = 0;
	return 0;
}

int ivsh_chan_release(struct ivsh_chan *ch)
{
	uint32_t index = ch->rx.read;

	if (!ch->rx.peeked || ch->rx.resume == index)
		return ivsh_receiver_release(ch);
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = (uint32_t)ch->rx.kind - IVSH_WIRE_KIND_SMALL;

		if (ch->rx.size > ch->rx.area[i].left)
			return ivsh_receiver_release(ch);
		ch->rx.now.end[i] += area_room(ch->rx.size);
		ch->rx.area[i].left -= area_room(ch->rx.size);
		ch->rx.next = area_at(&ch->rx.area[i], ch->rx.now.end[i]);
	}
	ch->rx.peeked = false;
	ch->rx.limit = ch->rx.resume;
	ch->rx.read = index + 1;
	return receiver_taken(ch, 1);
}
