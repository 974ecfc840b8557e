/* SPDX-License-Identifier: MIT */
/*
 * reset.c - starting over in a ring that is damaged.
 *
 * Theory of operation: the sender's epoch numbers the runs of a ring. A run begins at an index
 * whose laps no descriptor carries, so nothing that stands in the ring can be taken for a message
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

/* How many descriptors carry one of the (count) laps from (first) on. */
static uint32_t laps_used(const struct ivsh_chan *ch, uint16_t first, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i <= ch->mask; i++)
		used += (uint16_t)(head_lap(load64(&ch->tx.desc[i].head)) - first) < count;
	return used;
}

/*
 * A lap that no descriptor carries: mostly (first). Else ranges behind it are looked at, each twice
 * as long as the last, until one has more laps than descriptors in it: then one half of it has that
 * property, too. One of 2^16 laps has it, since there are at most half as many descriptors. 33 looks
 * at each descriptor at the most, whoever writes meanwhile.
 */
static uint16_t lap_unused(const struct ivsh_chan *ch, uint16_t first)
{
	uint32_t count = 1;
	bool found = false;

	for (;;) {
		if (laps_used(ch, first, count) >= count)
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
	uint16_t lap = lap_unused(ch, (uint16_t)(ring_lap(ch->tx.head, ch->shift) + 1));

	ch->tx.start = (uint32_t)(uint16_t)(lap - 1) << ch->shift;
	/* One that is acknowledged already would be no reset: whoever wrote that. */
	if (++ch->tx.epoch == load32(&ch->tx.other->ack))
		ch->tx.epoch++;
	ch->tx.ack = asked;
	ch->tx.waiting = true;
	ch->tx.first = false;
	ch->tx.reserved = false;
	ivsh_chan_stop(ch);
	/* SPEC R6.3: in this order, each with release: ivsh_receiver_follow() reads them the other
	 * way round, so an ack that answers its wish comes with the run that does. */
	store32_release(&own->start, ch->tx.start);
	store32_release(&own->epoch, ch->tx.epoch);
	store32_release(&own->ack, asked);
	ivsh_chan_wake(ch);
}

int ivsh_sender_follow(struct ivsh_chan *ch)
{
	uint32_t asked = load32_acquire(&ch->tx.other->epoch);

	if (asked != ch->tx.ack) {
		ivsh_sender_restart(ch, asked);
		return IVSH_EAGAIN;
	}
	if (!ch->tx.waiting)
		return 0;
	/* Pairs with the ack's release: the receiver has let go of what stood in the ring. */
	if (load32_acquire(&ch->tx.other->ack) != ch->tx.epoch)
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
	else if (ch->lost == ch->lost_told)
		store32(&ch->tx.own->told, ch->tx.epoch);
	return 0;
}

void ivsh_receiver_follow(struct ivsh_chan *ch)
{
	const struct ivsh_wire_sender *other = ch->rx.other;
	struct ivsh_wire_receiver *own = ch->rx.own;
	/* SPEC R6.3: ack before epoch. */
	uint32_t answered = load32_acquire(&other->ack);
	uint32_t run = load32_acquire(&other->epoch);

	ch->rx.waiting = answered != ch->rx.epoch;
	if (!ch->rx.waiting)
		ivsh_receiver_ask(ch, ch->rx.asks & ~IVSH_WIRE_ASKS_RESET);
	if (run == ch->rx.ack)
		return;
	ch->rx.read = ch->rx.published = load32(&other->start);
	ivsh_chan_stop(ch);
	ch->rx.ack = run;
	ch->rx.marked = 0;
	areas_forget(ch->rx.area, &ch->rx.now);
	ch->rx.given = ch->rx.now;
	store32_release(&own->read, ch->rx.read);
	/* Releases our last look into the old run, and the read index, to ivsh_sender_follow(). */
	store32_release(&own->ack, run);
	ivsh_chan_lost(ch);
	ivsh_chan_wake(ch);
}

/* Wish for a new run: the sender begins it. All our words are stored: any may have been damaged. */
static void receiver_ask(struct ivsh_chan *ch)
{
	if (++ch->rx.epoch == load32(&ch->rx.other->ack))
		ch->rx.epoch++;
	ch->rx.waiting = true;
	ch->rx.peeked = false;
	ivsh_chan_stop(ch);
	store32(&ch->rx.own->read, ch->rx.published);
	store32(&ch->rx.own->ack, ch->rx.ack);
	store32_release(&ch->rx.own->epoch, ch->rx.epoch);
	ivsh_receiver_ask(ch, ch->rx.asks | IVSH_WIRE_ASKS_RESET);
	ivsh_chan_wake(ch);
}

int ivsh_chan_reset(struct ivsh_chan *ch)
{
	if (!ch->open)
		return IVSH_EINVAL;
	slot_beat(ch->region);
	if (!ch->region->attached)
		return IVSH_EBUSY;
	if (!ch->dead)
		return 0;
	ch->dead = ch->untold = false;
	ch->region->mail_all = false;
	ch->tx.reserved = ch->rx.peeked = false;
	if (ch->tx.broken)
		ivsh_sender_restart(ch, load32_acquire(&ch->tx.other->epoch));
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
	uint32_t tx, rx, asks;

	if (!ch->tx.waiting && ivsh_sender_collect(ch) != 0)
		return;
	/* The bits that differ. */
	tx = (load32(&s->epoch) ^ ch->tx.epoch) | (load32(&s->ack) ^ ch->tx.ack) |
	     (load32(&s->start) ^ ch->tx.start);
	if (!ch->tx.waiting && ch->tx.read != ch->tx.head)
		tx |= head_lap(load64(&ch->tx.desc[ch->tx.read & ch->mask].head)) ^
		      ring_lap(ch->tx.read, ch->shift);
	rx = (load32(&r->epoch) ^ ch->rx.epoch) | (load32(&r->ack) ^ ch->rx.ack) |
	     (load32(&r->read) ^ ch->rx.published);
	asks = (load32(&s->asks) ^ ch->tx.asks) | (load32(&r->asks) ^ ch->rx.asks);
	if ((tx | rx | asks) == 0)
		return;
	/* Another life of ours writes there, too, once it has the slot: that is not damage. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ivsh_slot_publish(ch->region);
	if (!ch->region->attached)
		return;
	/* SPEC R9.5: whoever wrote over these cost bells, and no messages. */
	store32(&s->asks, ch->tx.asks);
	store32(&r->asks, ch->rx.asks);
	if (tx != 0)
		(void)ivsh_chan_break(ch, &ch->tx.broken);
	if (rx != 0)
		(void)ivsh_chan_break(ch, &ch->rx.broken);
}
