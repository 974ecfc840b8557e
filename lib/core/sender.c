/* SPDX-License-Identifier: MIT */
/*
 * sender.c - the sending end of a ring: its opening, its credit, its slow path.
 */
#include "core/sender.h"

#include "core/area.h"
#include "core/atomic.h"
#include "core/condition.h"
#include "core/copy.h"
#include "core/notify.h"
#include "core/one_way.h"
#include "core/reset.h"
#include "core/ring.h"
#include "core/slot.h"
#include "core/trace.h"

/* Bytes of each area that a receiver needs that polls. DESIGN.md, "Geometry". */
#define SMALL_WINDOW 4096u
#define LARGE_WINDOW (1u << 20)

/* A receiver with more messages than these in flight does not keep up. */
#define KEEPS_UP 1u

/*
 * A payload of (size) bytes takes (position) of area (i). True if it is the first of this
 * incarnation in the area: it says start. SPEC R7.7.1.
 */
static __attribute__((__noinline__)) bool area_take(
    struct ivsh_chan *ch, uint32_t i, uint32_t position, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[i];
	bool first = !area->known;

	if (ch->tx.now.end[i] == area->tail)
		area->tail = position;
	ch->tx.now.end[i] = position + area_room(size);
	area->known = true;
	return first;
}

/*
 * The first message in flight in an area shows where the area ended behind all messages before it,
 * which are inline or in the other area.
 */
static void records_start(struct ivsh_chan *ch, uint32_t i, uint32_t index, uint32_t position)
{
	for (uint32_t at = ch->tx.read; at != index; at++)
		ch->tx.record[at & ch->mask].end[i] = position;
}

/*
 * Take a message that an earlier incarnation left in the ring into the records. 0; IVSH_EPROTO: no
 * sender could have stored it, so another peer has damaged it.
 */
static int record_rebuild(struct ivsh_chan *ch, uint32_t index, uint64_t control)
{
	uint64_t body = load64(&ch->tx.desc[index & ch->mask].body);
	uint32_t i = area_of(control_kind(control)), position = (uint32_t)body;

	if (!ivsh_ring_valid(ch->tx.area, &ch->tx.now, control, body, false))
		return IVSH_EPROTO;
	if (control_kind(control) != IVSH_WIRE_KIND_INLINE) {
		if (area_take(ch, i, position, control_bytes(control)))
			records_start(ch, i, index, position);
		if (ch->tx.now.end[i] - ch->tx.area[i].tail > ch->tx.area[i].size)
			return IVSH_EPROTO;
	}
	ch->tx.record[index & ch->mask] = ch->tx.now;
	return 0;
}

/*
 * Whether the descriptor at our index may be the first one of a batch that was cut: it is as the
 * round before has left it. In a generation's first round nobody knows what stands there.
 */
static bool gap_is_ours(const struct ivsh_chan *ch)
{
	uint64_t control = load64(&ch->tx.desc[ch->tx.head & ch->mask].control);

	return ch->tx.head - ch->tx.start <= ch->mask ||
	       control_wrap(control) == (uint16_t)(ring_wrap(ch->tx.head, ch->shift) - 1);
}

/*
 * The counter of the round before cannot become valid again: the descriptor is stored anew before
 * the receiver comes to it, in this round. Killed in between, this leaves fewer to do.
 */
int ivsh_sender_retire(struct ivsh_chan *ch)
{
	/* Where messages in flight stand there is room for no others. */
	uint32_t end = ch->tx.read + ch->mask + 1;

	for (uint32_t index = ch->tx.head + 1; (int32_t)(end - index) > 0; index++) {
		uint64_t *control = &ch->tx.desc[index & ch->mask].control;
		uint64_t before = ring_wrap_bits(index - ch->mask - 1, ch->shift);

		if (control_wrap(load64(control)) != ring_wrap(index, ch->shift))
			continue;
		if (!gap_is_ours(ch))
			return IVSH_EPROTO;
		store64_retire(control, before);
	}
	return 0;
}

/*
 * SPEC R7.9: the end of the ring is the first descriptor, from the receiver's read index on, that
 * is not valid. What is valid behind it would be taken for messages as soon as the gap before it is
 * filled. 0, or IVSH_EPROTO.
 */
static int ring_scan(struct ivsh_chan *ch)
{
	uint32_t index = load32_acquire(&ch->tx.other->read);

	ch->tx.read = index;
	for (; index - ch->tx.read <= ch->mask; index++) {
		uint64_t control = load64_acquire(&ch->tx.desc[index & ch->mask].control);

		if (control_wrap(control) != ring_wrap(index, ch->shift))
			break;
		if (record_rebuild(ch, index, control))
			return IVSH_EPROTO;
	}
	ch->tx.head = index;
	return ivsh_sender_retire(ch);
}

/*
 * SPEC R6.5: a new generation that loses no message of this incarnation: earlier losses are counted
 * already, and messages from now on belong to the new generation.
 */
static void generation_open(struct ivsh_chan *ch, uint32_t asked)
{
	ivsh_sender_restart(ch, asked);
	ch->tx.first = true;
}

/* Our own line, as the last incarnation left it. The count of requests goes on. */
static void line_open(struct ivsh_chan *ch, struct ivsh_wire_sender *own)
{
	ch->tx.generation = load32(&own->generation);
	ch->tx.reset_ack = load32(&own->reset_ack);
	ch->tx.start = load32(&own->start);
	ch->tx.hints = load8(ch->tx.pending);
	ch->tx.request = load32(&own->notify_request) & ~IVSH_WIRE_REQUEST_VECTOR;
	store32(&own->notify_request, ch->tx.request);
	store32(&own->notify_flags, 0);
	store32(&own->incarnation, ch->region->incarnation);
}

int ivsh_sender_open(struct ivsh_chan *ch)
{
	struct ivsh_wire_sender *own = ch->tx.own;
	uint32_t asked = load32_acquire(&ch->tx.other->reset_request);
	/* SPEC R5.2.3: the slot's last owner may only have been stopped, in the middle of sending a
	 * message. */
	bool seized = ch->region->seized && load32(&own->incarnation) != 0;

	line_open(ch, own);
	/* SPEC R18.1.4, R18.1.6: the ring stays as it is. */
	if (ch->tx.closed)
		return 0;
	/* SPEC R6.4.1: wherever a reset was cut, a new generation is right. */
	if (asked != ch->tx.reset_ack ||
	    load32_acquire(&ch->tx.other->generation_ack) != ch->tx.generation) {
		ivsh_chan_lost(ch);
		generation_open(ch, asked);
		return 0;
	}
	if (load32(&own->reported) != ch->tx.generation)
		ivsh_chan_lost(ch);
	if (ring_scan(ch))
		return ivsh_chan_break(ch, &ch->tx.broken);
	/* The last owner's index is the one found, or the next: the generation has another
	 * counter. */
	if (seized) {
		generation_open(ch, asked);
		return 0;
	}
	/* Messages in flight stay where they are; the next payload in each area carries the start
	 * flag. */
	ch->tx.area[IVSH_AREA_SMALL].known = ch->tx.area[IVSH_AREA_LARGE].known = false;
	/* The last incarnation may have been killed before it notified. SPEC R8.2.11. */
	if (ch->tx.head != ch->tx.read) {
		(void)ivsh_sender_notify(ch);
		ivsh_sender_hint(ch);
	}
	return 0;
}

/* SPEC R7.5.3. Below the last index, or above ours: subtracting first makes both too large. */
int ivsh_sender_collect(struct ivsh_chan *ch)
{
	/* Pairs with ivsh_receiver_publish(): the receiver's loads of the payloads are over. */
	uint32_t read = load32_acquire(&ch->tx.other->read);
	const struct ivsh_record *record;

	if (read - ch->tx.read > ch->tx.head - ch->tx.read) {
		/* A receiver that was restored without its memory goes back, and requests a
		 * reset. */
		if (load32_acquire(&ch->tx.other->reset_request) != ch->tx.reset_ack)
			return IVSH_EAGAIN;
		return ivsh_chan_break(ch, &ch->tx.broken);
	}
	if (read == ch->tx.read)
		return 0;
	/* Where nothing is in flight, the bytes that were skipped to go back are free, too. */
	record = read == ch->tx.head ? &ch->tx.now : &ch->tx.record[(read - 1) & ch->mask];
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		uint32_t end = ch->tx.now.end[i], tail = record->end[i];

		/* Where an empty area began anew, the tail is further on already. */
		if (end - tail <= end - ch->tx.area[i].tail)
			ch->tx.area[i].tail = tail;
	}
	ch->tx.read = read;
	return 0;
}

/* SPEC R7.2. */
static uint8_t kind_of(const struct ivsh_chan *ch, uint32_t size)
{
	if (size <= IVSH_WIRE_INLINE_MAX)
		return IVSH_WIRE_KIND_INLINE;
	return size <= ch->tx.small_max ? IVSH_WIRE_KIND_SMALL : IVSH_WIRE_KIND_LARGE;
}

/*
 * The bytes from an area's beginning that are used again and again while the receiver keeps up:
 * few, since what both sides have in their first-level caches costs least. DESIGN.md, "Geometry".
 */
static uint32_t area_window(const struct ivsh_area *area, uint32_t i)
{
	uint32_t window = i == IVSH_AREA_SMALL ? SMALL_WINDOW : LARGE_WINDOW;

	return area->size > window ? window : area->size;
}

/* Whether the receiver has so little left to read that it does not need a longer queue. */
static bool receiver_keeps_up(const struct ivsh_chan *ch)
{
	/* It has had no time for the messages of one batch: their queue is to be the whole area. */
	return !ch->tx.in_batch && ch->tx.head - ch->tx.read <= KEEPS_UP &&
	       (load32(&ch->tx.other->notify_request) & IVSH_WIRE_REQUEST_VECTOR) == 0;
}

/*
 * SPEC R7.6.2: before a payload of (size) bytes that would leave the window, go back to the area's
 * beginning, if the receiver keeps up. Else payloads go on, so the area is as long a queue as the
 * receiver needs. Nothing is reserved, and the read index was just loaded.
 */
static __attribute__((__noinline__)) void area_return(
    struct ivsh_chan *ch, uint32_t i, uint32_t size)
{
	struct ivsh_area *area = &ch->tx.area[i];
	uint32_t end = ch->tx.now.end[i], begin = area_begin(area, end), used = end - area->tail;
	uint32_t offset = area_offset(area, end), window = area_window(area, i);

	if (!area->known || offset == 0 || offset + area_room(size) <= window)
		return;
	/* The skipped bytes of an empty area do not count; else there is room up to the tail. */
	if (used == 0)
		area->tail = begin;
	else if (used > offset / 2 || !receiver_keeps_up(ch))
		return;
	ch->tx.now.end[i] = begin;
	/* The credit was for payloads where the last one ended. */
	ch->tx.credit_end = ch->tx.credit_saved = ch->tx.head;
}

/*
 * Bytes that the fast path may use before the sender looks again whether it can go back: to the
 * window's end, and from there on as many as there are before them.
 */
static uint32_t area_stretch(const struct ivsh_area *area, uint32_t i, uint32_t end)
{
	uint32_t offset = area_offset(area, end), window = area_window(area, i);

	return offset < window ? window - offset : offset;
}

uint32_t ivsh_sender_left(const struct ivsh_chan *ch, uint32_t i)
{
	const struct ivsh_area *area = &ch->tx.area[i];
	uint32_t end = ch->tx.now.end[i], left = area->size - (end - area->tail);
	uint32_t stretch = area_stretch(area, i, end);

	return area_left(area, end, left < stretch ? left : stretch);
}

/*
 * Set the credit: how far the fast path may go, in messages and in each area. The channel is not
 * dead, it is in step, and nothing is reserved.
 */
static void tx_credit_set(struct ivsh_chan *ch)
{
	uint32_t room = ch->mask + 1 - (ch->tx.head - ch->tx.read);

	ch->tx.wrap = ring_wrap_bits(ch->tx.head, ch->shift);
	if (room > POLL_MESSAGES)
		room = POLL_MESSAGES;
	if (room > ring_wrap_left(ch->tx.head, ch->mask))
		room = ring_wrap_left(ch->tx.head, ch->mask);
	ch->tx.credit_end = ch->tx.head + room;
	for (uint32_t i = 0; i < IVSH_AREAS; i++)
		ch->tx.area[i].left = ch->tx.area[i].known ? ivsh_sender_left(ch, i) : 0;
}

/* Whether the area has room for a payload of (size) bytes now; where it goes, in *position. */
static bool area_fits(const struct ivsh_area *area, uint32_t end, uint32_t size, uint32_t *position)
{
	uint32_t start = area_position(area, end, size);
	/* In an empty area no message holds the bytes that are skipped at its end. */
	uint32_t tail = end == area->tail ? start : area->tail;

	*position = start;
	return start + area_room(size) - tail <= area->size;
}

/*
 * Whether there is room for a message of (size) bytes now: its kind and position. A small payload
 * goes to the large area where the small one is full and the receiver sleeps at times: the longer
 * their queue, the less often two sleepers wake each other. SPEC R7.2.2.
 */
static bool payload_find(struct ivsh_chan *ch, uint32_t size, uint8_t *kind, uint32_t *position)
{
	bool sleeps = (load32(&ch->tx.other->notify_flags) & IVSH_WIRE_NOTIFY_REQUEST) != 0;
	uint32_t i;

	*kind = kind_of(ch, size);
	if (ch->tx.head - ch->tx.read > ch->mask)
		return false;
	if (*kind == IVSH_WIRE_KIND_INLINE)
		return true;
	i = area_of(*kind);
	area_return(ch, i, size);
	if (area_fits(&ch->tx.area[i], ch->tx.now.end[i], size, position))
		return true;
	if (i == IVSH_AREA_LARGE || !sleeps)
		return false;
	*kind = IVSH_WIRE_KIND_LARGE;
	return area_fits(
	    &ch->tx.area[IVSH_AREA_LARGE], ch->tx.now.end[IVSH_AREA_LARGE], size, position);
}

int ivsh_sender_refill(struct ivsh_chan *ch, uint32_t size)
{
	const struct ivsh_region *region = ch->region;
	uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;

	/* Not by ivsh_slot_tick_due(): its call would cost each message. */
	if (region->attached && slot_tick_is_due(region) && ivsh_slot_tick(ch->region))
		return IVSH_EAGAIN;
	/* Only the slow path answers a reset request and waits until the receiver has followed a
	 * reset (SPEC R6.5). It also handles a reservation, which counts on the room that there
	 * was. */
	if (ch->dead || ch->tx.waiting || ch->tx.reserved || ch->tx.closed ||
	    load32(&ch->tx.other->reset_request) != ch->tx.reset_ack || sender_is_refused(ch) ||
	    ivsh_sender_collect(ch))
		return IVSH_EAGAIN;
	if (size > IVSH_WIRE_INLINE_MAX)
		area_return(ch, i, size);
	tx_credit_set(ch);
	if (ch->tx.credit_end == ch->tx.head ||
	    (size > IVSH_WIRE_INLINE_MAX && size > ch->tx.area[i].left))
		return IVSH_EAGAIN;
	ch->tx.blocked = false;
	return 0;
}

/* As ivsh_sender_follow(). Without reset the receiver's request ends the channel. */
static int generation_keep(struct ivsh_chan *ch)
{
	if (ch->region->sender_follow)
		return ch->region->sender_follow(ch);
	return load32_acquire(&ch->tx.other->reset_request) == ch->tx.reset_ack
		   ? 0
		   : ivsh_chan_break(ch, &ch->tx.broken);
}

/*
 * As payload_find(). Follows a reset first. Nothing is reserved. 0; IVSH_EAGAIN; IVSH_EONEWAY;
 * IVSH_EPROTO: the channel broke.
 */
static int room_find(struct ivsh_chan *ch, uint32_t size, uint8_t *kind, uint32_t *position)
{
	int error;

	/* SPEC R18.2.1. */
	if (ch->tx.closed || sender_is_refused(ch))
		return IVSH_EONEWAY;
	error = generation_keep(ch);
	if (!error)
		error = ivsh_sender_collect(ch);
	if (!error && !payload_find(ch, size, kind, position))
		error = IVSH_EAGAIN;
	return error;
}

int ivsh_sender_wait(struct ivsh_chan *ch, uint32_t size, int error)
{
	ch->tx.blocked = error == IVSH_EAGAIN;
	ch->tx.blocked_size = size;
	return error;
}

int ivsh_sender_moved(struct ivsh_chan *ch, uint32_t size)
{
	int error = ivsh_slot_moved(ch->region);

	/* The call answers it: there is nothing that a later publish could publish. */
	ch->tx.voided = false;
	return ivsh_sender_wait(ch, size, error);
}

int ivsh_sender_reserve(struct ivsh_chan *ch, uint32_t size, void **payload)
{
	uint32_t position = 0;
	uint8_t kind;
	int error = ivsh_chan_enter(ch);

	if (error)
		return ivsh_sender_wait(ch, size, error);
	if (size > ch->tx.area[IVSH_AREA_LARGE].size || ch->tx.reserved)
		return IVSH_EINVAL;
	error = ivsh_sender_wait(ch, size, room_find(ch, size, &kind, &position));
	ch->tx.credit_end = ch->tx.credit_saved = ch->tx.head;
	if (error) {
		ch->region->counters.full += ch->tx.blocked && !ch->tx.waiting;
		return error;
	}
	ch->tx.body = 0;
	ch->tx.reserved = true;
	ch->tx.voided = false;
	ch->tx.reserved_kind = kind;
	ch->tx.reserved_size = size;
	ch->tx.reserved_position = position;
	*payload = size <= IVSH_WIRE_INLINE_MAX
		       ? (void *)&ch->tx.body
		       : area_at(&ch->tx.area[area_of(ch->tx.reserved_kind)], position);
	return 0;
}

bool ivsh_sender_is_ready(struct ivsh_chan *ch)
{
	uint32_t position;
	uint8_t kind;
	int error;

	if (ch->tx.reserved)
		return false;
	/* This follows a reset, too, but never while a message is reserved. */
	error = room_find(ch, ch->tx.blocked_size, &kind, &position);
	/* Who waits for room where none will ever be learns it from the next send. */
	return (error == 0 || error == IVSH_EONEWAY) && ch->tx.blocked;
}

/* Turn the reservation into a message. */
static int reserved_store(struct ivsh_chan *ch, uint16_t port)
{
	uint64_t control, body = ch->tx.body;
	uint32_t index = ch->tx.head;

	ch->tx.wrap = ring_wrap_bits(index, ch->shift);
	control = control_make(port, ch->tx.reserved_kind, ch->tx.reserved_size);
	if (ch->tx.reserved_kind != IVSH_WIRE_KIND_INLINE) {
		body = ch->tx.reserved_position;
		if (area_take(
			ch, area_of(ch->tx.reserved_kind), (uint32_t)body, ch->tx.reserved_size))
			control |= IVSH_WIRE_CONTROL_START;
	}
	sender_store(ch, index, control, body);
	ch->tx.reserved = false;
	tx_credit_set(ch);
	TRACE4(send, ch->region->mem.self, ch->peer, index, 1);
	ch->region->counters.sent++;
	order_program(); /* as in sender_accepted() */
	return load32(&ch->tx.other->notify_flags) != 0 ? ivsh_sender_attend(ch, index) : 0;
}

int ivsh_sender_publish(struct ivsh_chan *ch, uint16_t port)
{
	int error = ivsh_chan_enter(ch);

	if (!error && !ch->tx.reserved)
		error = ch->tx.voided ? IVSH_EAGAIN : IVSH_EINVAL;
	ch->tx.voided = false;
	if (error)
		return ivsh_sender_wait(ch, ch->tx.reserved_size, error);
	return reserved_store(ch, port);
}

void ivsh_chan_abandon(struct ivsh_chan *ch)
{
	ch->tx.reserved = ch->tx.voided = false;
	ch->tx.credit_saved = ch->tx.head;
}

int ivsh_sender_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	void *payload;
	int error = ivsh_sender_reserve(ch, size, &payload);

	if (error)
		return error;
	if (size != 0)
		memcpy(payload, data, size);
	/* ivsh_sender_reserve() has checked the slot. */
	error = reserved_store(ch, port);
	slot_beat(ch->region, ch->region->slot);
	return error;
}
