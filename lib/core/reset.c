/* SPDX-License-Identifier: MIT */
/*
 * reset.c - starting over in a ring that is damaged.
 *
 * Theory of operation: the sender's epoch numbers the runs of a ring. A run begins at an index
 * whose wraps no descriptor carries, so nothing that stands in the ring can be taken for a message
 * of it, and nothing has to be cleared. The sender sends when the receiver has acknowledged the
 * run; the receiver does so when it has read the last run to its end, or cannot. A receiver that
 * finds nonsense cannot begin a run: it advances its own epoch, and the sender answers with one.
 * Each word has one writer, and each step is one store, so a life that is cut anywhere leaves what
 * its next one, or the other side, goes on from.
 */
#include "core/atomic.h"
#include "core/ring.h"
#include "core/slot.h"

void ivsh_chan_lost(struct ivsh_chan *ch)
{
	ch->lost++;
	ch->region->counters.lost++;
}

static void areas_forget(struct ivsh_area *area, struct ivsh_record *now)
{
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		area[i].known = false;
		area[i].left = area[i].tail = now->end[i] = 0;
	}
}

void ivsh_chan_wake(struct ivsh_chan *ch)
{
	(void)ivsh_sender_ring(ch);
	ivsh_sender_mail(ch);
	ivsh_receiver_ring(ch);
}

/* How many descriptors carry one of the (count) wraps from (first) on. */
static uint32_t wraps_used(const struct ivsh_chan *ch, uint16_t first, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i <= ch->mask; i++)
		used += (uint16_t)(control_wrap(load64(&ch->tx.desc[i].control)) - first) < count;
	return used;
}

/*
 * A wrap that no descriptor carries: mostly (first). Else ranges behind it are looked at, each twice
 * as long as the last, until one has more wraps than descriptors in it: then one half of it has that
 * property, too. One of 2^16 wraps has it, since there are at most half as many descriptors. 33 looks
 * at each descriptor at the most, whoever writes meanwhile.
 */
static uint16_t wrap_unused(const struct ivsh_chan *ch, uint16_t first)
{
	uint32_t count = 1;
	bool found = false;

	for (;;) {
		if (wraps_used(ch, first, count) >= count)
			first = (uint16_t)(first + count);
		else
			found = true;
		if (found && count == 1)
			return first;
		count = found ? count / 2 : count * 2;
	}
}

void ivsh_sender_restart(struct ivsh_chan *ch, uint32_t asked)
{
	struct ivsh_wire_sender *own = ch->tx.own;
	uint16_t wrap = wrap_unused(ch, (uint16_t)(ring_wrap(ch->tx.head, ch->shift) + 1));

	ch->tx.start = (uint32_t)(uint16_t)(wrap - 1) << ch->shift;
	/* One that is acknowledged already would be no reset: whoever wrote that. */
	if (++ch->tx.generation == load32(&ch->tx.other->generation_ack))
		ch->tx.generation++;
	ch->tx.reset_ack = asked;
	ch->tx.waiting = true;
	ch->tx.first = false;
	ch->tx.reserved = false;
	ivsh_chan_stop(ch);
	/* SPEC R6.3: in this order, each with release: ivsh_receiver_follow() reads them the other
	 * way round, so an ack that answers its wish comes with the run that does. */
	store32_release(&own->start, ch->tx.start);
	store32_release(&own->generation, ch->tx.generation);
	store32_release(&own->reset_ack, asked);
	ivsh_chan_wake(ch);
}

int ivsh_sender_follow(struct ivsh_chan *ch)
{
	uint32_t asked = load32_acquire(&ch->tx.other->reset_request);

	if (asked != ch->tx.reset_ack) {
		ivsh_sender_restart(ch, asked);
		return IVSH_EAGAIN;
	}
	if (!ch->tx.waiting)
		return 0;
	/* Pairs with the ack's release: the receiver has let go of what stood in the ring. */
	if (load32_acquire(&ch->tx.other->generation_ack) != ch->tx.generation)
		return IVSH_EAGAIN;
	/* It is elsewhere: nobody would ever find what we send. */
	if (load32(&ch->tx.other->read) != ch->tx.start)
		return ivsh_chan_break(ch, &ch->tx.broken);
	ch->tx.waiting = false;
	ch->tx.head = ch->tx.read = ch->tx.start;
	ivsh_chan_stop(ch);
	areas_forget(ch->tx.area, &ch->tx.now);
	if (!ch->tx.first)
		ivsh_chan_lost(ch);
	else if (ch->lost == ch->lost_reported)
		store32(&ch->tx.own->reported, ch->tx.generation);
	return 0;
}

void ivsh_receiver_follow(struct ivsh_chan *ch)
{
	const struct ivsh_wire_sender *other = ch->rx.other;
	struct ivsh_wire_receiver *own = ch->rx.own;
	/* SPEC R6.3: ack before epoch. */
	uint32_t answered = load32_acquire(&other->reset_ack);
	uint32_t run = load32_acquire(&other->generation);

	ch->rx.waiting = answered != ch->rx.reset_request;
	if (!ch->rx.waiting)
		ivsh_receiver_ask(ch, ch->rx.notify_flags & ~IVSH_WIRE_NOTIFY_RESET);
	if (run == ch->rx.generation_ack)
		return;
	ch->rx.read = ch->rx.published = load32(&other->start);
	ivsh_chan_stop(ch);
	ch->rx.generation_ack = run;
	ch->rx.marked = 0;
	areas_forget(ch->rx.area, &ch->rx.now);
	ch->rx.given = ch->rx.now;
	store32_release(&own->read, ch->rx.read);
	/* Releases our last look into the old run, and the read index, to ivsh_sender_follow(). */
	store32_release(&own->generation_ack, run);
	ivsh_chan_lost(ch);
	ivsh_chan_wake(ch);
}

/* Wish for a new run: the sender begins it. All our words are stored: any may have been damaged. */
static void receiver_ask(struct ivsh_chan *ch)
{
	if (++ch->rx.reset_request == load32(&ch->rx.other->reset_ack))
		ch->rx.reset_request++;
	ch->rx.waiting = true;
	ch->rx.peeked = false;
	ivsh_chan_stop(ch);
	store32(&ch->rx.own->read, ch->rx.published);
	store32(&ch->rx.own->generation_ack, ch->rx.generation_ack);
	store32_release(&ch->rx.own->reset_request, ch->rx.reset_request);
	ivsh_receiver_ask(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_RESET);
	ivsh_chan_wake(ch);
}

int ivsh_chan_reset(struct ivsh_chan *ch)
{
	if (!ch->open)
		return IVSH_EINVAL;
	slot_beat(ch->region);
	if (!ch->region->attached)
		return IVSH_ELOST;
	if (!ch->dead)
		return 0;
	ch->dead = ch->unreported = false;
	ch->region->pending_all = false;
	ch->tx.reserved = ch->rx.peeked = false;
	if (ch->tx.broken)
		ivsh_sender_restart(ch, load32_acquire(&ch->tx.other->reset_request));
	if (ch->rx.broken)
		receiver_ask(ch);
	ch->tx.broken = ch->rx.broken = false;
	return 0;
}

/*
 * SPEC R6.6: our own words, the oldest of our messages that was not given back, and where the
 * receiver is in it.
 */
void ivsh_chan_check(struct ivsh_chan *ch)
{
	struct ivsh_wire_sender *s = ch->tx.own;
	struct ivsh_wire_receiver *r = ch->rx.own;
	uint32_t tx, rx, flags;

	if (!ch->tx.waiting && ivsh_sender_collect(ch) != 0)
		return;
	/* The bits that differ. */
	tx = (load32(&s->generation) ^ ch->tx.generation) |
	     (load32(&s->reset_ack) ^ ch->tx.reset_ack) | (load32(&s->start) ^ ch->tx.start);
	if (!ch->tx.waiting && ch->tx.read != ch->tx.head)
		tx |= control_wrap(load64(&ch->tx.desc[ch->tx.read & ch->mask].control)) ^
		      ring_wrap(ch->tx.read, ch->shift);
	rx = (load32(&r->reset_request) ^ ch->rx.reset_request) |
	     (load32(&r->generation_ack) ^ ch->rx.generation_ack) |
	     (load32(&r->read) ^ ch->rx.published);
	flags = (load32(&s->notify_flags) ^ ch->tx.notify_flags) |
		(load32(&r->notify_flags) ^ ch->rx.notify_flags);
	if ((tx | rx | flags) == 0)
		return;
	/* Another life of ours writes there, too, once it has the slot: that is not damage. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ivsh_slot_publish(ch->region);
	if (!ch->region->attached)
		return;
	/* SPEC R9.5: whoever wrote over these cost bells, and no messages. */
	store32(&s->notify_flags, ch->tx.notify_flags);
	store32(&r->notify_flags, ch->rx.notify_flags);
	if (tx != 0)
		(void)ivsh_chan_break(ch, &ch->tx.broken);
	if (rx != 0)
		(void)ivsh_chan_break(ch, &ch->rx.broken);
}
