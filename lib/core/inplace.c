/* SPDX-License-Identifier: MIT */
/*
 * inplace.c - writing and reading payloads where they stand in the shared memory, on the fast path.
 *
 * As send.c and receive.c, in two steps each. Between the two steps the credit is taken away, so
 * that everything else takes the slow path, and (credit_saved) keeps what it was. Unless
 * (credit_saved) is taken away, too, the second step needs no check. The second step alone advances
 * the heartbeat, behind its check: a memory that goes back while the heartbeat is advanced, between
 * its load and its store, does not show, and no payload is read behind that. The check finds what
 * a sender was storing when the memory went back, too. SPEC R5.4.1, R5.12.
 */
#include "core/fastpath.h"

int ivsh_chan_reserve(struct ivsh_chan *ch, uint32_t size, void **payload)
{
	uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;
	uint32_t index = ch->tx.head;

	if (index == ch->tx.credit_end ||
	    (size > IVSH_WIRE_INLINE_MAX && size > ch->tx.area[i].left))
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
	ch->tx.credit_saved = ch->tx.credit_end;
	ch->tx.credit_end = index;
	return 0;
}

int ivsh_chan_publish(struct ivsh_chan *ch, uint16_t port)
{
	uint32_t kind = ch->tx.reserved_kind, size = ch->tx.reserved_size, index = ch->tx.head;
	uint64_t body = ch->tx.body;
	struct ivsh_region *region;
	struct ivsh_wire_slot *slot;

	if (!ch->tx.reserved || ch->tx.credit_saved == index)
		return ivsh_sender_publish(ch, port);
	region = ch->region;
	slot = region->slot;
	/* Behind the caller's copy of the payload, which may come from the memory. */
	if (!slot_is_mine(region, slot))
		return ivsh_sender_moved(ch, size);
	if (kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = kind - IVSH_WIRE_KIND_SMALL;

		/* Nothing has changed it since; but (left) must never wrap around. */
		if (size > ch->tx.area[i].left)
			return ivsh_sender_publish(ch, port);
		body = ch->tx.reserved_position;
		ch->tx.now.end[i] += area_room(size);
		ch->tx.area[i].left -= area_room(size);
	}
	ch->tx.reserved = false;
	ch->tx.credit_end = ch->tx.credit_saved;
	sender_store(ch, index, control_make(port, kind, size), body);
	return sender_accepted(ch, region, slot, index, 1);
}

int ivsh_chan_peek(struct ivsh_chan *ch, struct ivsh_message *message)
{
	uint32_t index = ch->rx.read, size, i;
	const struct ivsh_wire_desc *desc;
	uint64_t control;

	/* Without credit there may be no ring: the channel may have been refused, or only send. */
	if (index == ch->rx.credit_end)
		return ivsh_receiver_peek(ch, message);
	desc = &ch->rx.desc[index & ch->mask];
	if (!slot_is_ours(ch->region))
		return ivsh_slot_moved(ch->region);
	__builtin_prefetch(ch->rx.next);
	control = descriptor_load(desc) ^ ch->rx.wrap;
	if (control_wrap(control) != 0)
		return ivsh_receiver_peek(ch, message);
	size = control_size(control);
	ch->rx.body = load64(&desc->body);
	if ((uint32_t)control <= IVSH_WIRE_INLINE_MAX) {
		ch->rx.kind = IVSH_WIRE_KIND_INLINE;
		ch->rx.data = &ch->rx.body;
	} else {
		i = control_area(control);
		if (!payload_is_expected(ch, i, size, ch->rx.body) || size > ch->rx.area[i].left)
			return ivsh_receiver_peek(ch, message);
		ch->rx.kind = (uint8_t)(IVSH_WIRE_KIND_SMALL + i);
		ch->rx.position = ch->rx.now.end[i];
		ch->rx.data = area_at(&ch->rx.area[i], ch->rx.position);
	}
	ch->rx.size = size;
	ch->rx.port = control_port(control);
	ch->rx.peeked = true;
	ch->rx.credit_saved = ch->rx.credit_end;
	ch->rx.credit_end = index;
	message->data = ch->rx.data;
	message->size = size;
	message->port = ch->rx.port;
	message->flags = 0;
	return 0;
}

int ivsh_chan_release(struct ivsh_chan *ch)
{
	uint32_t index = ch->rx.read;

	fence_acquire(); /* behind the application's loads */
	if (!ch->rx.peeked || ch->rx.credit_saved == index || !receiver_message_stands(ch))
		return ivsh_receiver_release(ch);
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = (uint32_t)ch->rx.kind - IVSH_WIRE_KIND_SMALL;

		if (ch->rx.size > ch->rx.area[i].left)
			return ivsh_receiver_release(ch);
		payload_advance(ch, &ch->rx.area[i], i, ch->rx.size);
	}
	ch->rx.peeked = false;
	ch->rx.credit_end = ch->rx.credit_saved;
	ch->rx.read = index + 1;
	return receiver_taken(ch, 1);
}
