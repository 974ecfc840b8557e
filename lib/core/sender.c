/* SPDX-License-Identifier: MIT */
/*
 * sender.c - the sending end of a ring.
 */
#include "core/atomic.h"
#include "core/copy.h"
#include "core/ring.h"
#include "core/slot.h"

/* A payload of (size) bytes takes (position) of area (i). True if it is the first one of a count. */
static __attribute__((noinline)) bool area_take(
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
 * The first message in flight in an area shows where the area stands: behind all messages before
 * it, which are inline or in the other area, it ended there too.
 */
static void records_start(struct ivsh_chan *ch, uint32_t i, uint32_t index, uint32_t position)
{
	for (uint32_t at = ch->tx.read; at != index; at++)
		ch->tx.record[at & ch->mask].end[i] = position;
}

/*
 * Take one message that an earlier life left in the ring into the records. False if it is not what
 * a sender could have written: someone scribbled.
 */
static bool record_rebuild(struct ivsh_chan *ch, uint32_t index, uint64_t head)
{
	uint64_t body = load64(&ch->tx.desc[index & ch->mask].body);
	uint32_t i = area_of(control_kind(head)), position = (uint32_t)body;

	if (!ivsh_ring_valid(ch->tx.area, &ch->tx.now, head, body, false))
		return false;
	if (control_kind(head) != IVSH_WIRE_KIND_INLINE) {
		if (area_take(ch, i, position, control_size(head)))
			records_start(ch, i, index, position);
		if (ch->tx.now.end[i] - ch->tx.area[i].tail > ch->tx.area[i].size)
			return false;
	}
	ch->tx.record[index & ch->mask] = ch->tx.now;
	return true;
}

bool ivsh_sender_ring(struct ivsh_chan *ch)
{
	return ivsh_ring_bell(ch->region, ch->peer, &ch->tx.other->notify_request, &ch->tx.rung);
}

void ivsh_sender_mail(struct ivsh_chan *ch)
{
	if ((load32(&ch->tx.other->notify_flags) & IVSH_WIRE_NOTIFY_PENDING) != 0)
		store8(ch->tx.mail, ++ch->tx.mails);
}

/*
 * SPEC R7.9: the end of the ring is the first descriptor, from the receiver's read index on, that
 * has not the wrap it would have. Each descriptor is looked at once: one behind the end that has its
 * wrap would be taken for a message as soon as the gap before it is filled.
 */
static bool ring_scan(struct ivsh_chan *ch)
{
	uint32_t index = load32_acquire(&ch->tx.other->read), end = index;

	ch->tx.read = index;
	for (uint32_t i = 0; i <= ch->mask; i++, index++) {
		uint64_t head = load64_acquire(&ch->tx.desc[index & ch->mask].control);

		if (control_wrap(head) != ring_wrap(index, ch->shift))
			continue;
		if (index != end || !record_rebuild(ch, index, head))
			return false;
		end = index + 1;
	}
	ch->tx.head = end;
	return true;
}

/*
 * SPEC R6.5: a new run that costs this life nothing: when it goes on, what was lost has been told, and
 * what was sent since is in it.
 */
static void run_open(struct ivsh_chan *ch, uint32_t asked)
{
	ivsh_sender_restart(ch, asked);
	ch->tx.first = true;
}

int ivsh_sender_open(struct ivsh_chan *ch)
{
	struct ivsh_wire_sender *own = ch->tx.own;
	uint32_t asked = load32_acquire(&ch->tx.other->reset_request);
	/* SPEC R5.2: whoever had the slot may only have been stopped, and hold a message in hand. */
	bool seized = ch->region->seized && load32(&own->incarnation) != 0;

	/* Our own line, as the last life left it. The count of wishes goes on. */
	ch->tx.generation = load32(&own->generation);
	ch->tx.reset_ack = load32(&own->reset_ack);
	ch->tx.start = load32(&own->start);
	ch->tx.mails = load8(ch->tx.mail);
	ch->tx.wish = load32(&own->notify_request) & ~IVSH_WIRE_REQUEST_VECTOR;
	store32(&own->notify_request, ch->tx.wish);
	store32(&own->notify_flags, 0);
	store32(&own->incarnation, ch->region->incarnation);
	/* SPEC R6.4: wherever a reset was cut, a new run is right: nothing was sent since. */
	if (asked != ch->tx.reset_ack ||
	    load32_acquire(&ch->tx.other->generation_ack) != ch->tx.generation) {
		ivsh_chan_lost(ch);
		run_open(ch, asked);
		return 0;
	}
	if (load32(&own->reported) != ch->tx.generation)
		ivsh_chan_lost(ch);
	if (!ring_scan(ch))
		return ivsh_chan_break(ch, &ch->tx.broken);
	/* Its index is the one that was found, or the next: a run whose wraps are others. */
	if (seized) {
		run_open(ch, asked);
		return 0;
	}
	/* What was in flight keeps its places; the receiver is told that a new count starts. */
	ch->tx.area[IVSH_AREA_SMALL].known = ch->tx.area[IVSH_AREA_LARGE].known = false;
	/* The last life may have been cut between a message and its bell. SPEC R8.2. */
	if (ch->tx.head != ch->tx.read) {
		(void)ivsh_sender_ring(ch);
		ivsh_sender_mail(ch);
	}
	return 0;
}

/*
 * SPEC R7.5. An index behind the last one, or ahead of ours: subtracting first makes both too large.
 */
int ivsh_sender_collect(struct ivsh_chan *ch)
{
	/* Pairs with ivsh_receiver_publish(): the receiver's reads of the payloads are over. */
	uint32_t read = load32_acquire(&ch->tx.other->read);
	const struct ivsh_record *record;

	if (read - ch->tx.read > ch->tx.head - ch->tx.read)
		return ivsh_chan_break(ch, &ch->tx.broken);
	if (read == ch->tx.read)
		return 0;
	record = &ch->tx.record[(read - 1) & ch->mask];
	for (uint32_t i = 0; i < IVSH_AREAS; i++)
		ch->tx.area[i].tail = record->end[i];
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
 * How far messages can be sent with no look at anything but what the receiver asks for. The channel is
 * not dead, in step, and nothing is reserved.
 */
static void sender_go(struct ivsh_chan *ch)
{
	uint32_t room = ch->mask + 1 - (ch->tx.head - ch->tx.read);

	ch->tx.wrap = ring_wrap_bits(ch->tx.head, ch->shift);
	if (room > POLL_MESSAGES)
		room = POLL_MESSAGES;
	if (room > ring_wrap_left(ch->tx.head, ch->mask))
		room = ring_wrap_left(ch->tx.head, ch->mask);
	ch->tx.limit = ch->tx.head + room;
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		struct ivsh_area *area = &ch->tx.area[i];
		uint32_t end = ch->tx.now.end[i], used = end - area->tail;

		/* More than all where the end of an empty area was skipped, and a message that stood
		 * before that is still to be given back. */
		area->left =
		    !area->known || used > area->size ? 0 : area_left(area, end, area->size - used);
	}
}

/* Whether a payload of (size) bytes fits into the area now; its place goes to *position. */
static bool area_fits(const struct ivsh_area *area, uint32_t end, uint32_t size, uint32_t *position)
{
	uint32_t place = area_place(area, end, size);
	/* In an empty area nobody holds the bytes that are skipped at its end. */
	uint32_t tail = end == area->tail ? place : area->tail;

	*position = place;
	return place + area_room(size) - tail <= area->size;
}

static bool message_fits(struct ivsh_chan *ch, uint8_t kind, uint32_t size, uint32_t *position)
{
	uint32_t i = area_of(kind);

	if (ch->tx.head - ch->tx.read > ch->mask)
		return false;
	return kind == IVSH_WIRE_KIND_INLINE ||
	       area_fits(&ch->tx.area[i], ch->tx.now.end[i], size, position);
}

bool ivsh_sender_due(struct ivsh_chan *ch, uint32_t size)
{
	uint8_t kind = kind_of(ch, size);

	if (ch->region->attached)
		slot_tick_due(ch->region);
	/* A wish for a reset, or one that the receiver has not followed: the long way. SPEC R6.5. And
	 * what is reserved counts on what was left. */
	if (ch->dead || ch->tx.waiting || ch->tx.reserved ||
	    load32(&ch->tx.other->reset_request) != ch->tx.reset_ack ||
	    ivsh_sender_collect(ch) != 0)
		return false;
	sender_go(ch);
	if (ch->tx.limit == ch->tx.head ||
	    (kind != IVSH_WIRE_KIND_INLINE && size > ch->tx.area[area_of(kind)].left))
		return false;
	ch->tx.blocked = false;
	return true;
}

/*
 * Whether a message of (size) bytes finds room now, and its place in *position. A reset is followed
 * first. 0; IVSH_EAGAIN; IVSH_EPROTO: the channel broke. Nothing is reserved.
 */
static int room_look(struct ivsh_chan *ch, uint32_t size, uint32_t *position)
{
	int error = ivsh_sender_follow(ch);

	if (!error)
		error = ivsh_sender_collect(ch);
	if (!error && !message_fits(ch, kind_of(ch, size), size, position))
		error = IVSH_EAGAIN;
	return error;
}

int ivsh_sender_reserve(struct ivsh_chan *ch, uint32_t size, void **payload)
{
	uint32_t position = 0;
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	if (size > ch->tx.area[IVSH_AREA_LARGE].size || ch->tx.reserved)
		return IVSH_EINVAL;
	/* SPEC R6.5. */
	error = room_look(ch, size, &position);
	ch->tx.limit = ch->tx.resume = ch->tx.head;
	ch->tx.blocked = error == IVSH_EAGAIN;
	ch->tx.blocked_size = size;
	if (error) {
		ch->region->counters.full += ch->tx.blocked && !ch->tx.waiting;
		return error;
	}
	ch->tx.body = 0;
	ch->tx.reserved = true;
	ch->tx.reserved_kind = kind_of(ch, size);
	ch->tx.reserved_size = size;
	ch->tx.reserved_position = position;
	*payload = size <= IVSH_WIRE_INLINE_MAX
		       ? (void *)&ch->tx.body
		       : area_at(&ch->tx.area[area_of(ch->tx.reserved_kind)], position);
	return 0;
}

bool ivsh_sender_ready(struct ivsh_chan *ch)
{
	uint32_t position;

	/* A reset is followed here, too, but not under a reservation's feet. */
	return !ch->tx.reserved && room_look(ch, ch->tx.blocked_size, &position) == 0 &&
	       ch->tx.blocked;
}

/* What is reserved becomes a message. */
static int reserved_store(struct ivsh_chan *ch, uint16_t port)
{
	uint64_t head, body = ch->tx.body;
	uint32_t index = ch->tx.head;

	ch->tx.wrap = ring_wrap_bits(index, ch->shift);
	head = control_make(port, ch->tx.reserved_kind, ch->tx.reserved_size);
	if (ch->tx.reserved_kind != IVSH_WIRE_KIND_INLINE) {
		body = ch->tx.reserved_position;
		if (area_take(
			ch, area_of(ch->tx.reserved_kind), (uint32_t)body, ch->tx.reserved_size))
			head |= IVSH_WIRE_CONTROL_START;
	}
	sender_store(ch, index, head, body);
	ch->tx.reserved = false;
	sender_go(ch);
	ch->region->counters.sent++;
	order_program(); /* as in sender_accepted() */
	return load32(&ch->tx.other->notify_flags) != 0 ? ivsh_sender_attend(ch, index) : 0;
}

int ivsh_sender_publish(struct ivsh_chan *ch, uint16_t port)
{
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	return ch->tx.reserved ? reserved_store(ch, port) : IVSH_EINVAL;
}

int ivsh_sender_attend(struct ivsh_chan *ch, uint32_t first)
{
	uint32_t flags = load32(&ch->tx.other->notify_flags);

	if (ivsh_sender_ring(ch))
		ch->region->notified++;
	/* It found the ring empty and told us so, or is on its way through: the fence in there and
	 * the one of ivsh_receiver_publish() decide which. */
	if ((flags & IVSH_WIRE_NOTIFY_PENDING) != 0 &&
	    load32(&ch->tx.other->read) - first < ch->tx.head - first)
		ivsh_sender_mail(ch);
	/* SPEC R6.5: the next call answers. */
	if ((flags & IVSH_WIRE_NOTIFY_RESET) != 0)
		ch->tx.limit = ch->tx.head;
	return 0;
}

void ivsh_chan_abandon(struct ivsh_chan *ch)
{
	ch->tx.reserved = false;
	ch->tx.resume = ch->tx.head;
}

int ivsh_sender_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	void *payload;
	int error = ivsh_sender_reserve(ch, size, &payload);

	if (error)
		return error;
	if (size != 0)
		memcpy(payload, data, size);
	/* The look that comes before all stores was made. */
	store32(&ch->region->slot->heartbeat, ++ch->region->heartbeat);
	return reserved_store(ch, port);
}
