/* SPDX-License-Identifier: MIT */
/*
 * sender.c - the sending end of a ring.
 */
#include "atomic.h"
#include "ring.h"

/* SPEC R7.2: payloads of up to this part of the hot area go there; larger ones to bulk. */
#define HOT_SHARE 8

static struct ivsh_area *area_of(struct ivsh_chan *ch, uint8_t kind)
{
	return kind == IVSH_WIRE_KIND_HOT ? &ch->tx.hot : &ch->tx.bulk;
}

/* Remember where the areas end behind the message at (index). */
static void record_set(struct ivsh_chan *ch, uint32_t index)
{
	struct ivsh_record *record = &ch->tx.record[index & ch->mask];

	record->hot = ch->tx.hot.head;
	record->bulk = ch->tx.bulk.head;
}

/*
 * The first message in flight in an area shows where the area stands: behind all messages before
 * it, which are inline or in the other area, it ended there too.
 */
static void records_start(struct ivsh_chan *ch, uint8_t kind, uint32_t index, uint32_t position)
{
	for (uint32_t i = ch->tx.read; i != index; i++) {
		struct ivsh_record *record = &ch->tx.record[i & ch->mask];

		if (kind == IVSH_WIRE_KIND_HOT)
			record->hot = position;
		else
			record->bulk = position;
	}
}

/*
 * Take one message that an earlier life left in the ring into the records. False if it is not what
 * a sender could have written: someone scribbled.
 */
static bool record_rebuild(struct ivsh_chan *ch, uint32_t index, uint64_t head)
{
	const struct ivsh_wire_desc *desc = &ch->tx.desc[index & ch->mask];
	uint64_t body = load64(&desc->body);
	uint8_t kind = head_kind(head);
	uint32_t size = head_size(head);

	if (!ivsh_ring_head_valid(&ch->tx.hot, &ch->tx.bulk, head, body))
		return false;
	if (kind != IVSH_WIRE_KIND_INLINE) {
		struct ivsh_area *area = area_of(ch, kind);
		uint32_t position = (uint32_t)body;

		if (!area->known) {
			area->tail = position;
			records_start(ch, kind, index, position);
		} else if (position != area_place(area, area->head, size)) {
			return false;
		}
		area->head = position + area_room(size);
		area->known = true;
		if (area->head - area->tail > area->size)
			return false;
	}
	record_set(ch, index);
	return true;
}

/* Ring the receiver if it asked for a bell: true if it did. */
bool ivsh_sender_ring(struct ivsh_chan *ch)
{
	const struct ivsh_bell *bell = &ch->region->mem.bell;
	uint32_t want;

	/*
	 * The descriptor's store, this fence, the load of want_bell; over there the store of
	 * want_bell, a fence, the load of the descriptor. Without either fence both loads may come
	 * first, and a receiver sleeps on a message that nobody announced. SPEC R8.2.
	 */
	fence_full();
	want = load32(&ch->tx.other->want_bell);
	if (!bell->ring || !wish_due(want, &ch->tx.rung))
		return false;
	bell->ring(bell->ctx, ch->peer, wish_vector(want));
	ch->region->counters.bells_rung++;
	return true;
}

void ivsh_sender_mail(struct ivsh_chan *ch)
{
	if (load32(&ch->tx.other->want_mail) != 0)
		store8(ch->tx.mail, ++ch->tx.mails);
}

/*
 * SPEC R7.9: the end of the ring is the first descriptor, from the receiver's read index on, that
 * has not the lap it would have. Each descriptor is looked at once: one behind the end that has its
 * lap would be taken for a message as soon as the gap before it is filled.
 */
static bool ring_scan(struct ivsh_chan *ch)
{
	uint32_t index = load32_acquire(&ch->tx.other->read), end = index;

	ch->tx.read = index;
	for (uint32_t i = 0; i <= ch->mask; i++, index++) {
		uint64_t head = load64_acquire(&ch->tx.desc[index & ch->mask].head);

		if (head_lap(head) != ring_lap(index, ch->shift))
			continue;
		if (index != end || !record_rebuild(ch, index, head))
			return false;
		end = index + 1;
	}
	ch->tx.head = end;
	return true;
}

int ivsh_sender_open(struct ivsh_chan *ch)
{
	uint32_t asked = load32_acquire(&ch->tx.other->epoch);

	/* Our own line, as the last life left it. The count of wishes goes on. */
	ch->tx.epoch = load32(&ch->tx.own->epoch);
	ch->tx.ack = load32(&ch->tx.own->ack);
	ch->tx.start = load32(&ch->tx.own->start);
	ch->tx.mails = load8(ch->tx.mail);
	ch->tx.wish = load32(&ch->tx.own->want_space) & ~IVSH_WIRE_WISH_VECTOR;
	store32(&ch->tx.own->want_space, ch->tx.wish);
	store32(&ch->tx.own->boot, ch->region->boot);
	/* SPEC R6.4: wherever a reset was cut, a new run is right: nothing was sent since. */
	if (asked != ch->tx.ack || load32_acquire(&ch->tx.other->ack) != ch->tx.epoch) {
		ivsh_sender_restart(ch, asked);
		return 0;
	}
	if (load32(&ch->tx.own->told) != ch->tx.epoch)
		ivsh_chan_lost(ch);
	if (!ring_scan(ch))
		return ivsh_chan_break(ch, &ch->tx.broken);
	/* What was in flight keeps its places; the receiver is told that a new count starts. */
	ch->tx.hot.known = false;
	ch->tx.bulk.known = false;
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
	ch->tx.hot.tail = record->hot;
	ch->tx.bulk.tail = record->bulk;
	ch->tx.read = read;
	return 0;
}

/* Whether a payload of (size) bytes fits into the area now; its place goes to *position. */
static bool area_fits(const struct ivsh_area *area, uint32_t size, uint32_t *position)
{
	uint32_t place = area_place(area, area->head, size);
	/* In an empty area nobody holds the bytes that are skipped at its end. */
	uint32_t tail = area->head == area->tail ? place : area->tail;

	*position = place;
	return place + area_room(size) - tail <= area->size;
}

static bool message_fits(struct ivsh_chan *ch, uint8_t kind, uint32_t size, uint32_t *position)
{
	if (ch->tx.head - ch->tx.read > ch->mask)
		return false;
	return kind == IVSH_WIRE_KIND_INLINE || area_fits(area_of(ch, kind), size, position);
}

/* SPEC R7.2. */
static uint8_t kind_of(const struct ivsh_chan *ch, uint32_t size)
{
	if (size <= IVSH_WIRE_INLINE_MAX)
		return IVSH_WIRE_KIND_INLINE;
	return size <= ch->tx.hot.size / HOT_SHARE ? IVSH_WIRE_KIND_HOT : IVSH_WIRE_KIND_BULK;
}

/* There is no room now: the wait is to look for it. */
static int blocked(struct ivsh_chan *ch, uint32_t size)
{
	ch->tx.blocked = true;
	ch->tx.blocked_size = size;
	return IVSH_EAGAIN;
}

int ivsh_chan_reserve(struct ivsh_chan *ch, uint32_t size, void **payload)
{
	uint8_t kind = kind_of(ch, size);
	uint32_t position = 0;
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	if (size > ch->tx.bulk.size || ch->tx.reserved)
		return IVSH_EINVAL;
	/* SPEC R6.5. The word stands in the line that publish reads anyway. */
	if (ch->tx.waiting || load32(&ch->tx.other->epoch) != ch->tx.ack) {
		error = ivsh_sender_follow(ch);
		if (error)
			return error == IVSH_EAGAIN ? blocked(ch, size) : error;
	}
	if (!message_fits(ch, kind, size, &position)) {
		error = ivsh_sender_collect(ch);
		if (error)
			return error;
		if (!message_fits(ch, kind, size, &position)) {
			ch->region->counters.full++;
			return blocked(ch, size);
		}
	}
	ch->tx.blocked = false;
	ch->tx.body = 0;
	*payload = kind == IVSH_WIRE_KIND_INLINE ? (void *)&ch->tx.body
						 : area_at(area_of(ch, kind), position);
	ch->tx.reserved = true;
	ch->tx.reserved_kind = kind;
	ch->tx.reserved_size = size;
	ch->tx.reserved_position = position;
	return 0;
}

bool ivsh_sender_ready(struct ivsh_chan *ch)
{
	uint32_t position;

	/* A reset is followed here, too, but not under a reservation's feet. */
	if (!ch->tx.reserved && ivsh_sender_follow(ch) != 0)
		return false;
	return ch->tx.blocked && ivsh_sender_collect(ch) == 0 &&
	       message_fits(ch, kind_of(ch, ch->tx.blocked_size), ch->tx.blocked_size, &position);
}

int ivsh_chan_publish(struct ivsh_chan *ch, uint16_t port)
{
	struct ivsh_wire_desc *desc;
	uint64_t head, body = ch->tx.body;
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	if (!ch->tx.reserved)
		return IVSH_EINVAL;
	desc = &ch->tx.desc[ch->tx.head & ch->mask];
	head = head_make(
	    ring_lap(ch->tx.head, ch->shift), port, ch->tx.reserved_kind, ch->tx.reserved_size);
	if (ch->tx.reserved_kind != IVSH_WIRE_KIND_INLINE) {
		struct ivsh_area *area = area_of(ch, ch->tx.reserved_kind);

		body = ch->tx.reserved_position;
		if (area->head == area->tail)
			area->tail = ch->tx.reserved_position;
		area->head = ch->tx.reserved_position + area_room(ch->tx.reserved_size);
		if (!area->known)
			head |= IVSH_WIRE_HEAD_START;
		area->known = true;
	}
	record_set(ch, ch->tx.head);
	/* SPEC R7.3: the head's lap says that everything else is there; its release pairs with
	 * the acquire in message_look(). */
	store64(&desc->body, body);
	store64_release(&desc->head, head);
	ch->tx.head++;
	ch->tx.reserved = false;
	ch->region->counters.sent++;
	if (!ivsh_sender_ring(ch))
		ch->region->counters.bells_saved++;
	/* It found the ring empty and told us so, or is on its way through: the fence above and the
	 * one of ivsh_receiver_publish() decide which. Both words stand in want_bell's line. */
	if (load32(&ch->tx.other->read) == ch->tx.head - 1)
		ivsh_sender_mail(ch);
	return 0;
}

void ivsh_chan_abandon(struct ivsh_chan *ch)
{
	ch->tx.reserved = false;
}

int ivsh_chan_send(struct ivsh_chan *ch, uint16_t port, const void *data, uint32_t size)
{
	void *payload;
	int error = ivsh_chan_reserve(ch, size, &payload);

	if (error)
		return error;
	if (size != 0)
		__builtin_memcpy(payload, data, size);
	return ivsh_chan_publish(ch, port);
}
