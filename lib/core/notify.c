/* SPDX-License-Identifier: MIT */
/*
 * notify.c - waking the peer at the other end of a channel.
 */
#include "core/notify.h"

#include "core/atomic.h"
#include "core/ring.h"

bool ivsh_sender_notify(struct ivsh_chan *ch)
{
	return ivsh_ring_notify(
	    ch->region, ch->peer, &ch->tx.other->notify_request, &ch->tx.notified);
}

void ivsh_sender_hint(struct ivsh_chan *ch)
{
	if ((load32(&ch->tx.other->notify_flags) & IVSH_WIRE_NOTIFY_PENDING) != 0)
		store8(ch->tx.pending, ++ch->tx.hints);
}

int ivsh_sender_attend(struct ivsh_chan *ch, uint32_t first)
{
	uint32_t flags = load32(&ch->tx.other->notify_flags);

	if (ivsh_sender_notify(ch))
		ch->region->notified++;
	/* Did the receiver find the ring empty before these messages? Then its read index is one of
	 * theirs. Because of the fence above and the one in ivsh_region_next(), at least one side
	 * sees the other. */
	if ((flags & IVSH_WIRE_NOTIFY_PENDING) != 0 &&
	    load32(&ch->tx.other->read) - first < ch->tx.head - first)
		ivsh_sender_hint(ch);
	/* SPEC R6.8.6, R18.2.2: the next call answers the reset request, or that nobody reads. */
	if ((flags & (IVSH_WIRE_NOTIFY_RESET | IVSH_WIRE_NOTIFY_ONE_WAY)) != 0)
		ch->tx.credit_end = ch->tx.head;
	return 0;
}

void ivsh_receiver_notify(struct ivsh_chan *ch)
{
	(void)ivsh_ring_notify(
	    ch->region, ch->peer, &ch->rx.other->notify_request, &ch->rx.notified);
}

void ivsh_receiver_flags(struct ivsh_chan *ch, uint32_t flags)
{
	/* Release: a sender that finds RESET finds the request, too. SPEC R6.8.4. */
	if (ch->rx.notify_flags != flags)
		store32_release(&ch->rx.own->notify_flags, flags);
	ch->rx.notify_flags = flags;
}

void ivsh_chan_wake(struct ivsh_chan *ch)
{
	(void)ivsh_sender_notify(ch);
	ivsh_sender_hint(ch);
	if (!ch->rx.closed)
		ivsh_receiver_notify(ch);
}
