/* SPDX-License-Identifier: MIT */
/*
 * renew.c - new generations of all rings, when the machine or the memory was moved.
 */
#include "core/renew.h"

#include "core/atomic.h"
#include "core/condition.h"
#include "core/reset.h"
#include "core/slot.h"

/*
 * A peer may know generations of a later time than the memory now shows, and twins go on from the
 * same number: so the numbers jump, by what their nonces differ in.
 */
static uint32_t jump(const struct ivsh_region *region)
{
	return (uint32_t)(region->nonce >> 44);
}

/* Our words that a reset leaves as they are: the memory may have older ones. */
static void words_store(struct ivsh_chan *ch)
{
	store32(&ch->tx.own->incarnation, ch->region->incarnation);
	store32(&ch->tx.own->notify_flags, ch->tx.notify_flags);
	store32(&ch->tx.own->notify_request, ch->tx.request);
	store32(&ch->rx.own->incarnation, ch->region->incarnation);
	store32(&ch->rx.own->notify_flags, ch->rx.notify_flags);
	store32(&ch->rx.own->notify_request, ch->rx.request);
}

void ivsh_chan_renew(struct ivsh_chan *ch)
{
	/* A broken channel waits for its application's reset. SPEC R6.7.1. */
	if (ch->dead) {
		ch->tx.broken = ch->rx.broken = true;
		return;
	}
	ch->tx.voided |= ch->tx.reserved;
	ch->rx.voided |= ch->rx.peeked;
	words_store(ch);
	/* SPEC R5.11.5: what was under way may be lost. Our own generation loses nothing
	 * more; the sender's, which answers our request, is counted when it comes. */
	ivsh_chan_lost(ch);
	ch->tx.generation += jump(ch->region);
	ivsh_sender_restart(ch, load32_acquire(&ch->tx.other->reset_request));
	ch->tx.first = true;
	/* What was taken and not published was perhaps not believed. */
	ch->rx.read = ch->rx.published;
	ch->rx.now = ch->rx.published_now;
	ch->rx.reset_request += jump(ch->region);
	ivsh_receiver_restart(ch);
}

void ivsh_channels_renew(struct ivsh_region *region)
{
	region->pending_all = false;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		/* Not into the rings of a twin that has signed meanwhile. */
		if (!slot_is_signed(region))
			return;
		ivsh_chan_renew(ch);
	}
}
