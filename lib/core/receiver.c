/* SPDX-License-Identifier: MIT */
/*
 * receiver.c - the receiving end of a ring: its opening, its credit, its slow path.
 */
#include "core/receiver.h"

#include "core/area.h"
#include "core/condition.h"
#include "core/copy.h"
#include "core/descriptor.h"
#include "core/notify.h"
#include "core/reset.h"
#include "core/ring.h"
#include "core/slot.h"
#include "core/trace.h"

/* SPEC R7.10.3: the read index is published when this part of a ring, or area, was released. */
static uint32_t share_of(uint32_t whole)
{
	return whole / 4;
}

/* Bytes of area (i) that were released, but not yet published to the sender. */
static uint32_t area_held(const struct ivsh_chan *ch, uint32_t i)
{
	return ch->rx.now.end[i] - ch->rx.published_now.end[i];
}

int ivsh_receiver_publish(struct ivsh_chan *ch)
{
	if (ch->rx.read == ch->rx.published)
		return 0;
	if (!slot_is_ours(ch->region))
		return ivsh_slot_moved(ch->region);
	/* SPEC R5.12.2: a read index that went back, with the memory. */
	if (load32(&ch->rx.own->read) != ch->rx.published) {
		int error = ivsh_slot_check(ch->region);

		if (error)
			return error;
	}
	/* Releases our loads of the payloads to ivsh_sender_collect()'s acquire: the sender may
	 * store there from now on. */
	store32_release(&ch->rx.own->read, ch->rx.read);
	ch->rx.published = ch->rx.read;
	ch->rx.published_now = ch->rx.now;
	/* The flags are loaded behind the index, as in sender_accepted(). */
	order_program();
	if (load32(&ch->rx.other->notify_flags) != 0)
		ivsh_receiver_notify(ch);
	return 0;
}

/*
 * Publish the read index if a quarter of the ring or of an area was released, or with (all)
 * anything; then set the credit: how far the fast path may go, in messages and in each area.
 */
static void rx_credit_set(struct ivsh_chan *ch, bool all)
{
	uint32_t share = share_of(ch->mask + 1), room = ring_wrap_left(ch->rx.read, ch->mask);

	all |= ch->rx.read - ch->rx.published >= share;
	for (uint32_t i = 0; i < IVSH_AREAS; i++)
		all |= area_held(ch, i) >= share_of(ch->rx.area[i].size);
	if (all && !ch->dead)
		(void)ivsh_receiver_publish(ch);
	if (room > ch->rx.published + share - ch->rx.read)
		room = ch->rx.published + share - ch->rx.read;
	if (room > POLL_MESSAGES)
		room = POLL_MESSAGES;
	if ((ch->dead | ch->rx.waiting | ch->rx.peeked | ch->rx.marked | ch->rx.frames |
		ch->rx.closed) != 0)
		room = 0;
	ch->rx.credit_end = ch->rx.read + room;
	ch->rx.wrap = ring_wrap_bits(ch->rx.read, ch->shift);
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		struct ivsh_area *area = &ch->rx.area[i];
		uint32_t held, left;

		area->left = 0;
		if (room == 0 || !area->known)
			continue;
		held = area_held(ch, i);
		left = share_of(area->size);
		left = held < left ? left - held : 0;
		area->left = area_left(area, ch->rx.now.end[i], left);
	}
}

int ivsh_receiver_moved(struct ivsh_chan *ch)
{
	int error = ivsh_slot_moved(ch->region);

	/* The call answers it: there is nothing that a later release could release. */
	ch->rx.voided = false;
	return error;
}

int ivsh_receiver_memory_check(struct ivsh_chan *ch)
{
	int error = ivsh_slot_check(ch->region);

	if (error)
		ch->rx.voided = false; /* as above */
	return error;
}

void ivsh_receiver_release_all(struct ivsh_chan *ch)
{
	rx_credit_set(ch, true);
}

int ivsh_receiver_refill(struct ivsh_chan *ch, const struct ivsh_area *area, uint32_t size)
{
	const struct ivsh_region *region = ch->region;

	/* Not by ivsh_slot_tick_due(): its call would cost each message. */
	if (region->attached && slot_tick_is_due(region) && ivsh_slot_tick(ch->region))
		return IVSH_EAGAIN;
	/* A peeked message counts on the credit that there was. */
	if (ch->rx.peeked)
		return IVSH_EAGAIN;
	rx_credit_set(ch, false);
	return ch->rx.credit_end != ch->rx.read && (!area || size <= area->left) ? 0 : IVSH_EAGAIN;
}

/* Our own line, for this incarnation. The count of requests goes on where the last one stopped. */
static void rx_line_open(struct ivsh_chan *ch, struct ivsh_wire_receiver *own)
{
	ch->rx.request = load32(&own->notify_request) & ~IVSH_WIRE_REQUEST_VECTOR;
	store32(&own->notify_request, ch->rx.request);
	ch->rx.notify_flags = ch->rx.waiting ? IVSH_WIRE_NOTIFY_RESET : 0;
	store32_release(&own->notify_flags, ch->rx.notify_flags);
	store32(&own->incarnation, ch->region->incarnation);
}

/*
 * SPEC R7.11: go on at the read index that an earlier incarnation published. It may have delivered
 * the messages between that index and the ring's end.
 */
void ivsh_receiver_open(struct ivsh_chan *ch)
{
	struct ivsh_wire_receiver *own = ch->rx.own;
	bool is_first = load32(&own->incarnation) == 0;
	uint32_t messages;

	ch->rx.read = load32(&own->read);
	ch->rx.published = ch->rx.read;
	ch->rx.reset_request = load32(&own->reset_request);
	ch->rx.generation_ack = load32(&own->generation_ack);
	if (ch->rx.closed) {
		rx_line_open(ch, own);
		return;
	}
	/* SPEC R6.4: if the last incarnation's reset request was not answered, it could not take
	 * the messages in the ring, and neither can this one. */
	ch->rx.waiting = load32_acquire(&ch->rx.other->reset_ack) != ch->rx.reset_request;
	if (load32(&own->reported) != ch->rx.generation_ack)
		ivsh_chan_lost(ch);
	if (!is_first)
		ch->rx.marked =
		    ivsh_ring_waiting(ch->rx.desc, ch->mask + 1, ch->rx.read, &messages);
	rx_line_open(ch, own);
	/* The last incarnation may have been killed before it notified the sender. SPEC R8.2.12. */
	if (!is_first)
		ivsh_receiver_notify(ch);
}

/*
 * The next control word, less the wrap counter that it should have: is_valid() says whether a
 * message is there.
 */
static uint64_t control_poll(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_desc *desc = &ch->rx.desc[ch->rx.read & ch->mask];
	uint64_t control = descriptor_load(desc) ^ ring_wrap_bits(ch->rx.read, ch->shift);

	return ch->rx.waiting ? UINT64_MAX : control;
}

static bool is_valid(uint64_t control)
{
	return control_wrap(control) == 0;
}

/*
 * Follow the sender into its next generation. IVSH_EAGAIN; without reset the channel ends, and this
 * answers as ivsh_chan_break().
 */
static int follow(struct ivsh_chan *ch)
{
	if (!ch->region->receiver_follow)
		return ivsh_chan_break(ch, &ch->rx.broken);
	ch->region->receiver_follow(ch);
	/* The receiver may wait now, without a new generation. */
	ch->rx.credit_end = ch->rx.read;
	return IVSH_EAGAIN;
}

/*
 * SPEC R6.5: a generation is read to its end before the next one is followed. A receiver that sees
 * the new one polls again: its acquire brings what was accepted between the last poll and the
 * reset.
 */
static int generation_follow(struct ivsh_chan *ch)
{
	return ch->rx.waiting ||
		       (load32_acquire(&ch->rx.other->generation) != ch->rx.generation_ack &&
			   !is_valid(control_poll(ch)))
		   ? follow(ch)
		   : IVSH_EAGAIN;
}

bool ivsh_receiver_is_ready(struct ivsh_chan *ch)
{
	if (ch->rx.peeked || ch->rx.closed)
		return false;
	if (ch->rx.frames != 0 || is_valid(control_poll(ch)))
		return true;
	(void)generation_follow(ch);
	return false;
}

/*
 * This descriptor has no valid message. In a generation that the sender has left, that is only the
 * end of the messages that can be taken; an earlier incarnation of ours may have requested the next
 * generation because of it.
 */
static int damage_find(struct ivsh_chan *ch)
{
	if (load32(&ch->rx.other->generation) == ch->rx.generation_ack)
		return ivsh_chan_break(ch, &ch->rx.broken);
	return follow(ch);
}

/*
 * Find the next message, or packed record, and take private copies of its size, port and flags.
 * What is there of a record is taken to its end, like a generation: no word of it is loaded again.
 */
static int descriptor_find(struct ivsh_chan *ch)
{
	uint64_t control = control_poll(ch), body;

	if (!is_valid(control)) {
		/* When the ring is empty, publish everything. */
		(void)ivsh_receiver_publish(ch);
		return generation_follow(ch);
	}
	/* Body and payload are there if the wrap counter is. */
	body = load64(&ch->rx.desc[ch->rx.read & ch->mask].body);
	if (!ivsh_ring_valid(
		ch->rx.area, &ch->rx.now, control, body, control & IVSH_WIRE_CONTROL_START))
		return damage_find(ch);
	ch->rx.kind = control_kind(control);
	ch->rx.size = control_size(control);
	if (ch->rx.kind == IVSH_WIRE_KIND_PACKED) {
		ch->rx.size = packed_size(control);
		ch->rx.bytes = control_bytes(control);
		ch->rx.frames = packed_count(control);
	}
	ch->rx.port = control_port(control);
	ch->rx.body = body;
	ch->rx.data = &ch->rx.body;
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		ch->rx.position = (uint32_t)body;
		ch->rx.data = area_at(&ch->rx.area[area_of(ch->rx.kind)], ch->rx.position);
	}
	return 0;
}

static int message_find(struct ivsh_chan *ch)
{
	int error = ch->rx.frames != 0 ? 0 : descriptor_find(ch);

	if (error)
		return error;
	ch->rx.peeked = true;
	ch->rx.voided = false;
	ch->rx.credit_end = ch->rx.credit_saved = ch->rx.read;
	return 0;
}

/* The message that is peeked is not there any more. */
static void peeked_void(struct ivsh_chan *ch)
{
	ch->rx.peeked = false;
	ch->rx.frames = 0;
	rx_credit_set(ch, false);
}

int ivsh_receiver_peek(struct ivsh_chan *ch, struct ivsh_message *message)
{
	int error;

	/* Behind the caller's loads of the message that it has peeked. SPEC R5.12.6. */
	fence_acquire();
	error = ivsh_chan_enter(ch);
	if (!error && ch->rx.closed)
		return IVSH_EONEWAY;
	if (!error && !ch->rx.peeked) {
		/* SPEC R7.10.3: publish now, however long the caller holds this message. */
		rx_credit_set(ch, false);
		error = message_find(ch);
	} else if (!error && !receiver_record_stands(ch)) {
		peeked_void(ch);
		ch->rx.voided = true;
		error = IVSH_EAGAIN;
	}
	if (error)
		return error;
	message->data = ch->rx.data;
	message->size = ch->rx.size;
	message->port = ch->rx.port;
	message->flags = ch->rx.marked ? IVSH_MAYBE_SEEN : 0;
	return 0;
}

void ivsh_receiver_advance(struct ivsh_chan *ch, uint32_t count)
{
	/* Its request is in a line that seldom changes. */
	bool asked = (load32(&ch->rx.other->notify_request) & IVSH_WIRE_REQUEST_VECTOR) != 0;

	TRACE3(receive, ch->region->mem.self, ch->peer, count);
	ch->region->counters.received += count;
	if (ch->rx.frames > count) {
		ch->rx.frames -= count;
		ch->rx.data = (const uint8_t *)ch->rx.data + count * packed_step(ch->rx.size);
		if (asked)
			(void)ivsh_receiver_publish(ch);
		return;
	}
	ch->rx.frames = 0;
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = area_of(ch->rx.kind), bytes = ch->rx.size;

		if (ch->rx.kind == IVSH_WIRE_KIND_PACKED)
			bytes = ch->rx.bytes;
		ch->rx.now.end[i] = ch->rx.position + area_room(bytes);
		ch->rx.area[i].known = true;
		ch->rx.next = area_at(&ch->rx.area[i], ch->rx.now.end[i]);
	}
	ch->rx.read++;
	if (ch->rx.marked)
		ch->rx.marked--;
	/* Publish at once if the sender waits for room. */
	rx_credit_set(ch, asked);
}

/*
 * Release the message that is peeked. IVSH_EAGAIN: it is not there any more, and does not count.
 * Its sender was moved, and began anew; or the memory went back while this peer's heartbeat
 * advanced, which hides it from this peer, but not from the other.
 */
static int peeked_release(struct ivsh_chan *ch)
{
	if (!receiver_record_stands(ch)) {
		peeked_void(ch);
		return IVSH_EAGAIN;
	}
	ch->rx.peeked = false;
	ivsh_receiver_advance(ch, 1);
	return 0;
}

int ivsh_receiver_release(struct ivsh_chan *ch)
{
	int error;

	/* Behind the application's loads of the payload. SPEC R5.6.4. */
	fence_acquire();
	error = ivsh_chan_enter(ch);
	if (!error && !ch->rx.peeked)
		error = ch->rx.voided ? IVSH_EAGAIN : IVSH_EINVAL;
	ch->rx.voided = false;
	return error ? error : peeked_release(ch);
}

int ivsh_receiver_receive(
    struct ivsh_chan *ch, struct ivsh_message *message, void *buffer, uint32_t capacity)
{
	int error = ivsh_receiver_peek(ch, message);

	if (error)
		return error;
	if (message->size > capacity)
		return IVSH_ENOSPC;
	if (message->size != 0)
		memcpy(buffer, message->data, message->size);
	message->data = buffer;
	/* Behind the copy, before the message is believed. SPEC R5.11.1, R5.12.7. */
	fence_acquire();
	if (!slot_is_ours(ch->region))
		return ivsh_receiver_moved(ch);
	error = receiver_memory_check(ch);
	if (!error)
		error = peeked_release(ch);
	return error;
}
