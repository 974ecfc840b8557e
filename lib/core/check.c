/* SPDX-License-Identifier: MIT */
/*
 * check.c - whether our own words in the rings are still as we stored them. If not, another peer
 * has damaged them, and the channel breaks.
 */
#include "core/check.h"

#include "core/atomic.h"
#include "core/condition.h"
#include "core/descriptor.h"
#include "core/one_way.h"
#include "core/sender.h"
#include "core/slot.h"

/* The bits that differ in our words of the ring that we send into. SPEC R6.6.1. */
static uint32_t sender_damage(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_sender *own = ch->tx.own;
	uint32_t bits = (load32(&own->generation) ^ ch->tx.generation) |
			(load32(&own->reset_ack) ^ ch->tx.reset_ack) |
			(load32(&own->start) ^ ch->tx.start);

	/* A ring that is left alone has nothing that could be damaged. */
	if (ch->tx.closed)
		return 0;
	/* And the oldest of our messages that is not released. */
	if (!ch->tx.waiting && ch->tx.read != ch->tx.head)
		bits |= control_wrap(load64(&ch->tx.desc[ch->tx.read & ch->mask].control)) ^
			ring_wrap(ch->tx.read, ch->shift);
	return bits;
}

/* The same of the ring that we receive from. */
static uint32_t receiver_damage(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_receiver *own = ch->rx.own;

	if (ch->rx.closed)
		return 0;
	return (load32(&own->reset_request) ^ ch->rx.reset_request) |
	       (load32(&own->generation_ack) ^ ch->rx.generation_ack) |
	       (load32(&own->read) ^ ch->rx.published);
}

/* The same of what we say of the rings that we leave alone. SPEC R18.1.5. */
static uint32_t one_way_damage(const struct ivsh_chan *ch)
{
	uint32_t incarnation = ch->region->incarnation;

	return (load32(&ch->tx.own->one_way) ^ (ch->tx.closed ? incarnation : 0)) |
	       (load32(&ch->rx.own->one_way) ^ (ch->rx.closed ? incarnation : 0));
}

static void chan_check(struct ivsh_chan *ch)
{
	uint32_t *tx_flags = &ch->tx.own->notify_flags, *rx_flags = &ch->rx.own->notify_flags;
	uint32_t tx = sender_damage(ch), rx = receiver_damage(ch), flags;

	flags = (load32(tx_flags) ^ ch->tx.notify_flags) | (load32(rx_flags) ^ ch->rx.notify_flags);
	flags |= one_way_damage(ch);
	if ((tx | rx | flags) == 0)
		return;
	/* If another incarnation of this slot has claimed it, the words are its own: no damage. Nor
	 * is it, if the memory went back. */
	if (ivsh_slot_publish(ch->region))
		return;
	/* SPEC R9.5.3: a store over the notify flags cost notifications, and no messages. */
	store32(tx_flags, ch->tx.notify_flags);
	store32(rx_flags, ch->rx.notify_flags);
	ivsh_chan_declare(ch);
	if (tx != 0 && ivsh_chan_break(ch, &ch->tx.broken) != IVSH_EPROTO)
		return; /* moved just now: what was read before is of no use */
	if (rx != 0)
		(void)ivsh_chan_break(ch, &ch->rx.broken);
}

void ivsh_channels_check(struct ivsh_region *region)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (!region->attached) {
			ch->dead = true;
			ivsh_chan_stop(ch);
		}
		if (ch->dead)
			continue;
		/* The check needs the receiver's read index, too. */
		if (ch->tx.waiting || ch->tx.closed || ivsh_sender_collect(ch) == 0)
			chan_check(ch);
		if (ch->dead)
			ch->unreported = region->broke = true;
	}
}
