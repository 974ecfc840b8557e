/* SPDX-License-Identifier: MIT */
/*
 * renew.c - new generations of the rings, when the machine or the memory was moved.
 */
#include "core/renew.h"

#include "core/atomic.h"
#include "core/condition.h"
#include "core/descriptor.h"
#include "core/notify.h"
#include "core/one_way.h"
#include "core/receiver.h"
#include "core/reset.h"
#include "core/ring.h"
#include "core/sender.h"
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
	ivsh_chan_declare(ch);
}

/* Whether the ring has just what its sender, this peer, stored and the receiver left in it. */
static bool tx_is_quiet(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_receiver *other = ch->tx.other;
	uint32_t read = load32_acquire(&other->read), messages;

	return !ch->tx.waiting && load32(&other->reset_request) == ch->tx.reset_ack &&
	       load32(&other->generation_ack) == ch->tx.generation &&
	       read - ch->tx.read <= ch->tx.head - ch->tx.read &&
	       ivsh_ring_waiting(ch->tx.desc, ch->mask + 1, read, &messages) == ch->tx.head - read;
}

/* Whether this peer, the receiver, has taken and published all that was ever in the ring. */
static bool rx_is_quiet(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_sender *other = ch->rx.other;
	uint32_t messages;

	return !ch->rx.waiting && !ch->rx.peeked && ch->rx.frames == 0 &&
	       ch->rx.read == ch->rx.published && load32(&ch->rx.own->read) == ch->rx.published &&
	       load32(&other->reset_ack) == ch->rx.reset_request &&
	       load32(&other->generation) == ch->rx.generation_ack &&
	       ivsh_ring_waiting(ch->rx.desc, ch->mask + 1, ch->rx.read, &messages) == 0;
}

/*
 * A channel whose peer has left, and that has only whole messages: those of this peer. It loses
 * none of them. SPEC R5.11.7.
 */
static bool chan_is_quiet(const struct ivsh_chan *ch)
{
	const struct ivsh_wire_slot *slot = ivsh_slot_at(ch->region, ch->peer);

	return load32_acquire(&slot->state) != IVSH_WIRE_STATE_ATTACHED &&
	       (ch->tx.closed || tx_is_quiet(ch)) && (ch->rx.closed || rx_is_quiet(ch));
}

/* Go on as any new incarnation does that finds its messages in the ring. SPEC R7.7.1, R8.2.11. */
static void chan_continue(struct ivsh_chan *ch)
{
	ivsh_chan_stop(ch);
	ch->tx.reserved = false;
	ch->tx.area[IVSH_AREA_SMALL].known = ch->tx.area[IVSH_AREA_LARGE].known = false;
	ivsh_chan_wake(ch);
	ivsh_sender_hint(ch);
}

/*
 * Our descriptors of the last generation, so that a receiver that attaches finds none of them: the
 * read index that the memory has may be older than the one that let us use payloads' bytes again.
 * SPEC R5.11.8.
 */
static void ring_clear(struct ivsh_chan *ch)
{
	/* A wrap counter that is half of all values away from those in use. */
	uint64_t wrap = (uint64_t)(ring_wrap(ch->tx.head, ch->shift) ^ 0x8000u)
			<< IVSH_WIRE_CONTROL_WRAP_SHIFT;

	for (uint32_t i = 0; i <= ch->mask; i++)
		store64_retire(&ch->tx.desc[i].control, wrap);
}

static void tx_renew(struct ivsh_chan *ch)
{
	/* An incarnation that is killed before its new generation stands in the ring leaves it out
	 * of step: the next one, and the receiver, count what was cleared. SPEC R5.11.10. */
	store32(&ch->tx.own->reset_ack, load32(&ch->tx.other->reset_request) - 1);
	fence_release();
	ring_clear(ch);
	ch->tx.generation += jump(ch->region);
	ivsh_sender_restart(ch, load32_acquire(&ch->tx.other->reset_request));
	ch->tx.first = true;
}

void ivsh_chan_renew(struct ivsh_chan *ch)
{
	/* A broken channel waits for its application's reset. SPEC R6.7.1. */
	if (ch->dead) {
		ch->tx.broken = ch->rx.broken = true;
		ch->tx.generation += jump(ch->region);
		ch->rx.reset_request += jump(ch->region);
		words_store(ch);
		return;
	}
	ch->tx.voided |= ch->tx.reserved;
	ch->rx.voided |= ch->rx.peeked;
	words_store(ch);
	/* The machine may have been moved in the middle of a batch. */
	if (chan_is_quiet(ch) && (ch->tx.closed || ivsh_sender_retire(ch) == 0)) {
		chan_continue(ch);
		return;
	}
	/* SPEC R5.11.5: what was under way may be lost. Our own generation loses nothing
	 * more; the sender's, which answers our request, is counted when it comes. */
	ivsh_chan_lost(ch);
	if (!ch->tx.closed)
		tx_renew(ch);
	if (ch->rx.closed)
		return;
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

int ivsh_rings_open(struct ivsh_chan *ch)
{
	const struct ivsh_region *region = ch->region;
	/* SPEC R5.11.3: the rings were not open when the machine was moved. */
	bool is_old = region->moved != 0 && load32(&ch->rx.own->incarnation) != region->incarnation;
	int error;

	ivsh_receiver_open(ch);
	error = ivsh_sender_open(ch);
	ivsh_chan_stop(ch);
	if (is_old)
		ivsh_chan_renew(ch);
	return error;
}

void ivsh_attach_restart(struct ivsh_region *region)
{
	ivsh_attach_reset(region);
	region->slot_renew = ivsh_slot_renew;
	region->channels_renew = ivsh_channels_renew;
	region->rings_open = ivsh_rings_open;
}
