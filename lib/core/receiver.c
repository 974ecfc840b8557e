/* SPDX-License-Identifier: MIT */
/*
 * receiver.c - the receiving end of a ring.
 */
#include "core/atomic.h"
#include "core/copy.h"
#include "core/ring.h"
#include "core/slot.h"

/* SPEC R7.10: the read index is published when this part of the ring or of an area was released. */
static uint32_t share_of(uint32_t whole)
{
	return whole / 4;
}

void ivsh_receiver_ring(struct ivsh_chan *ch)
{
	(void)ivsh_ring_bell(ch->region, ch->peer, &ch->rx.other->notify_request, &ch->rx.rung);
}

/* Bytes of area (i) that were given back and the sender does not know of. */
static uint32_t area_held(const struct ivsh_chan *ch, uint32_t i)
{
	return ch->rx.now.end[i] - ch->rx.given.end[i];
}

int ivsh_receiver_publish(struct ivsh_chan *ch)
{
	if (ch->rx.read == ch->rx.published)
		return 0;
	if (!slot_is_ours(ch->region))
		return ivsh_slot_lost(ch->region);
	/* Releases our reads of the payloads to ivsh_sender_collect()'s acquire: the sender may write
	 * there from now on. */
	store32_release(&ch->rx.own->read, ch->rx.read);
	ch->rx.published = ch->rx.read;
	ch->rx.given = ch->rx.now;
	/* Not before the index, as in sender_accepted(). */
	order_program();
	if (load32(&ch->rx.other->notify_flags) != 0)
		ivsh_receiver_ring(ch);
	return 0;
}

void ivsh_receiver_ask(struct ivsh_chan *ch, uint32_t notify_flags)
{
	if (ch->rx.notify_flags != notify_flags)
		store32(&ch->rx.own->notify_flags, notify_flags);
	ch->rx.notify_flags = notify_flags;
}

/*
 * Give back what is due, a quarter of the ring or of an area, or with (all) everything; then how far
 * messages, and payloads, can be taken with no look at anything else.
 */
static void receiver_go(struct ivsh_chan *ch, bool all)
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
	if (ch->dead || ch->rx.waiting || ch->rx.peeked || ch->rx.marked != 0)
		room = 0;
	ch->rx.limit = ch->rx.read + room;
	ch->rx.wrap = ring_wrap_bits(ch->rx.read, ch->shift);
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		struct ivsh_area *area = &ch->rx.area[i];
		uint32_t left = share_of(area->size) - area_held(ch, i);

		area->left =
		    room != 0 && area->known ? area_left(area, ch->rx.now.end[i], left) : 0;
	}
}

void ivsh_receiver_give(struct ivsh_chan *ch)
{
	receiver_go(ch, true);
}

bool ivsh_receiver_due(struct ivsh_chan *ch, const struct ivsh_area *area, uint32_t size)
{
	if (ch->region->attached)
		slot_tick_due(ch->region);
	/* What is peeked counts on what was left. */
	if (ch->rx.peeked)
		return false;
	receiver_go(ch, false);
	return ch->rx.limit != ch->rx.read && (!area || size <= area->left);
}

/*
 * SPEC R7.11: go on at the read index that an earlier life published. What stands between it and
 * the ring's end may have been seen.
 */
void ivsh_receiver_open(struct ivsh_chan *ch)
{
	struct ivsh_wire_receiver *own = ch->rx.own;
	bool first_life = load32(&own->incarnation) == 0;

	ch->rx.read = load32(&own->read);
	ch->rx.published = ch->rx.read;
	ch->rx.reset_request = load32(&own->reset_request);
	ch->rx.generation_ack = load32(&own->generation_ack);
	/* SPEC R6.4: the last life wished for a reset and did not see it answered: what stands in the
	 * ring is what it could not take. */
	ch->rx.waiting = load32_acquire(&ch->rx.other->reset_ack) != ch->rx.reset_request;
	if (load32(&own->reported) != ch->rx.generation_ack)
		ivsh_chan_lost(ch);
	if (!first_life)
		ch->rx.marked = ivsh_ring_waiting(ch->rx.desc, ch->mask + 1, ch->rx.read);
	/* The count of wishes goes on where the last life stopped. */
	ch->rx.wish = load32(&own->notify_request) & ~IVSH_WIRE_REQUEST_VECTOR;
	store32(&own->notify_request, ch->rx.wish);
	ch->rx.notify_flags = ch->rx.waiting ? IVSH_WIRE_NOTIFY_RESET : 0;
	store32(&own->notify_flags, ch->rx.notify_flags);
	store32(&own->incarnation, ch->region->incarnation);
	/* The last life may have been cut between its read index and the bell. SPEC R8.2. */
	if (!first_life)
		ivsh_receiver_ring(ch);
}

/*
 * The head where the next message is to be, less the wrap that it must have: head_there() says
 * whether it is one. Pairs with ivsh_chan_publish().
 */
static uint64_t head_look(const struct ivsh_chan *ch)
{
	uint64_t head = load64_acquire(&ch->rx.desc[ch->rx.read & ch->mask].control);

	return ch->rx.waiting ? UINT64_MAX : head ^ ring_wrap_bits(ch->rx.read, ch->shift);
}

static bool head_there(uint64_t head)
{
	return control_wrap(head) == 0;
}

/*
 * SPEC R6.5: a run is read to its end before the next one is followed. Whoever sees the new epoch
 * looks again: its acquire brings what was accepted between the last look and the reset.
 */
static void run_follow(struct ivsh_chan *ch)
{
	if (ch->rx.waiting || (load32_acquire(&ch->rx.other->generation) != ch->rx.generation_ack &&
				  !head_there(head_look(ch)))) {
		ivsh_receiver_follow(ch);
		/* It may wait now, without a new run. */
		ch->rx.limit = ch->rx.read;
	}
}

bool ivsh_receiver_ready(struct ivsh_chan *ch)
{
	if (ch->rx.peeked)
		return false;
	if (head_there(head_look(ch)))
		return true;
	run_follow(ch);
	return false;
}

/*
 * What stands here is no message. In a run that the sender has left behind it is only the end of
 * what can be taken: so it is, too, where it made an earlier life of ours ask for the next run.
 */
static int damage(struct ivsh_chan *ch)
{
	if (load32(&ch->rx.other->generation) == ch->rx.generation_ack)
		return ivsh_chan_break(ch, &ch->rx.broken);
	ivsh_receiver_follow(ch);
	ch->rx.limit = ch->rx.read;
	return IVSH_EAGAIN;
}

/* Find the next message and take private copies of what it says of itself. */
static int message_look(struct ivsh_chan *ch)
{
	uint64_t head = head_look(ch), body;

	if (!head_there(head)) {
		/* An empty ring is the moment to give everything back. */
		(void)ivsh_receiver_publish(ch);
		run_follow(ch);
		return IVSH_EAGAIN;
	}
	/* Body and payload are there if the wrap is. */
	body = load64(&ch->rx.desc[ch->rx.read & ch->mask].body);
	if (!ivsh_ring_valid(ch->rx.area, &ch->rx.now, head, body, head & IVSH_WIRE_CONTROL_START))
		return damage(ch);
	ch->rx.kind = control_kind(head);
	ch->rx.size = control_size(head);
	ch->rx.port = control_port(head);
	ch->rx.body = body;
	ch->rx.data = &ch->rx.body;
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		ch->rx.position = (uint32_t)body;
		ch->rx.data = area_at(&ch->rx.area[area_of(ch->rx.kind)], ch->rx.position);
	}
	ch->rx.peeked = true;
	ch->rx.limit = ch->rx.resume = ch->rx.read;
	return 0;
}

int ivsh_receiver_peek(struct ivsh_chan *ch, struct ivsh_message *message)
{
	int error = ivsh_chan_enter(ch);

	if (!error && !ch->rx.peeked) {
		/* SPEC R7.10: not later, however long this one is held. */
		receiver_go(ch, false);
		error = message_look(ch);
	}
	if (error)
		return error;
	message->data = ch->rx.data;
	message->size = ch->rx.size;
	message->port = ch->rx.port;
	message->flags = ch->rx.marked ? IVSH_MAYBE_SEEN : 0;
	return 0;
}

/* The message that is peeked is given back. */
static void peeked_release(struct ivsh_chan *ch)
{
	if (ch->rx.kind != IVSH_WIRE_KIND_INLINE) {
		uint32_t i = area_of(ch->rx.kind);

		ch->rx.now.end[i] = ch->rx.position + area_room(ch->rx.size);
		ch->rx.area[i].known = true;
		ch->rx.next = area_at(&ch->rx.area[i], ch->rx.now.end[i]);
	}
	ch->rx.peeked = false;
	ch->rx.read++;
	if (ch->rx.marked)
		ch->rx.marked--;
	ch->region->counters.received++;
	/* Also when the sender waits for room: a word of its own line, which seldom changes. */
	receiver_go(ch, (load32(&ch->rx.other->notify_request) & IVSH_WIRE_REQUEST_VECTOR) != 0);
}

int ivsh_receiver_release(struct ivsh_chan *ch)
{
	int error = ivsh_chan_enter(ch);

	if (error)
		return error;
	if (!ch->rx.peeked)
		return IVSH_EINVAL;
	peeked_release(ch);
	return 0;
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
	/* Whose slot it is was looked at, and is before a read index is stored. */
	peeked_release(ch);
	return 0;
}
