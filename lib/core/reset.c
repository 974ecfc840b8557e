/* SPDX-License-Identifier: MIT */
/*
 * reset.c - starting over in a ring that is damaged.
 *
 * Theory of operation: the sender numbers the generations of a ring. A generation begins at an
 * index whose wrap counter no descriptor carries, so nothing that stands in the ring can be taken
 * for one of its messages, and nothing has to be cleared. The sender sends once the receiver has
 * acknowledged the generation. The receiver acknowledges it once it has read the last generation to
 * its end, or cannot read on. A receiver that finds damage cannot begin a generation: it advances
 * its reset request, and the sender answers by a new generation. Each word has one writer, and each
 * step is one store. So an incarnation that is killed at any step leaves what its next one, or the
 * peer, goes on from.
 */
#include "core/reset.h"

#include "core/atomic.h"
#include "core/condition.h"
#include "core/descriptor.h"
#include "core/notify.h"

static void areas_forget(struct ivsh_area *area, struct ivsh_record *now)
{
	for (uint32_t i = 0; i < IVSH_AREAS; i++) {
		area[i].known = false;
		area[i].left = area[i].tail = now->end[i] = 0;
	}
}

/* How many descriptors carry one of the (count) values from (first) on. */
static uint32_t wraps_used(const struct ivsh_chan *ch, uint16_t first, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i <= ch->mask; i++)
		used += (uint16_t)(control_wrap(load64(&ch->tx.desc[i].control)) - first) < count;
	return used;
}

/*
 * A value of the wrap counter that no descriptor carries: mostly (first). Else ranges behind it are
 * counted, each twice as long as the last, until one has more values than descriptors that carry
 * them: then one half of it has that property, too. There is one, since there are 2^16 values and
 * at most half as many descriptors. Loads each descriptor 33 times at the most, whatever a peer
 * writes meanwhile.
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
	/* A generation that is acknowledged already would be no reset, whichever peer stored
	 * that. */
	if (++ch->tx.generation == load32(&ch->tx.other->generation_ack))
		ch->tx.generation++;
	ch->tx.reset_ack = asked;
	ch->tx.waiting = true;
	ch->tx.first = false;
	ch->tx.reserved = false;
	ivsh_chan_stop(ch);
	/* SPEC R6.3: in this order, each with release. ivsh_receiver_follow() loads them the other
	 * way round, so an acknowledgement of its request comes with the generation that answers
	 * it. */
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
	/* Pairs with the release in ivsh_receiver_follow(): the receiver reads no old message any
	 * more. */
	if (load32_acquire(&ch->tx.other->generation_ack) != ch->tx.generation)
		return IVSH_EAGAIN;
	/* A receiver that stands elsewhere would never find what we send. */
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
	/* SPEC R6.3.5: the acknowledgement before the generation. */
	uint32_t answered = load32_acquire(&other->reset_ack);
	uint32_t generation = load32_acquire(&other->generation);

	ch->rx.waiting = answered != ch->rx.reset_request;
	if (!ch->rx.waiting)
		ivsh_receiver_flags(ch, ch->rx.notify_flags & ~IVSH_WIRE_NOTIFY_RESET);
	if (generation == ch->rx.generation_ack)
		return;
	ch->rx.read = ch->rx.published = load32(&other->start);
	ivsh_chan_stop(ch);
	ch->rx.generation_ack = generation;
	ch->rx.marked = ch->rx.frames = 0;
	areas_forget(ch->rx.area, &ch->rx.now);
	ch->rx.published_now = ch->rx.now;
	store32_release(&own->read, ch->rx.read);
	/* Releases our last loads of the old generation, and the read index, to
	 * ivsh_sender_follow(). */
	store32_release(&own->generation_ack, generation);
	ivsh_chan_lost(ch);
	ivsh_chan_wake(ch);
}

/* Stores all of our words, since any of them may have been damaged. */
void ivsh_receiver_restart(struct ivsh_chan *ch)
{
	if (++ch->rx.reset_request == load32(&ch->rx.other->reset_ack))
		ch->rx.reset_request++;
	ch->rx.waiting = true;
	ch->rx.peeked = false;
	ch->rx.frames = 0;
	ivsh_chan_stop(ch);
	store32(&ch->rx.own->read, ch->rx.published);
	store32(&ch->rx.own->generation_ack, ch->rx.generation_ack);
	store32_release(&ch->rx.own->reset_request, ch->rx.reset_request);
	ivsh_receiver_flags(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_RESET);
	ivsh_chan_wake(ch);
}

void ivsh_attach_reset(struct ivsh_region *region)
{
	region->sender_follow = ivsh_sender_follow;
	region->receiver_follow = ivsh_receiver_follow;
}
