/* SPDX-License-Identifier: MIT */
/*
 * one_way.c - channels of one direction.
 *
 * Theory of operation: a side that leaves a ring alone says so in its own line of that ring, by the
 * number of its incarnation. So its next incarnation takes nothing back: what it finds there is no
 * longer right. The other side is told by a notify flag, which it loads behind each message
 * anyway. Whatever decides between the directions is on the slow path: a side that is closed never
 * has credit.
 */
#include "core/one_way.h"

#include "core/notify.h"

void ivsh_chan_declare(struct ivsh_chan *ch)
{
	uint32_t incarnation = ch->region->incarnation;

	store32_release(&ch->tx.own->one_way, ch->tx.closed ? incarnation : 0);
	store32_release(&ch->rx.own->one_way, ch->rx.closed ? incarnation : 0);
	/* Behind the word: whoever finds the flag finds it. */
	if (ch->rx.closed)
		ivsh_receiver_flags(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_ONE_WAY);
}

uint32_t ivsh_chan_one_way(const struct ivsh_chan *ch)
{
	uint32_t one_way = 0;

	if (!ch->open)
		return 0;
	if (ch->tx.closed || sender_is_refused(ch))
		one_way = IVSH_RECEIVE_ONLY;
	if (ch->rx.closed || one_way_is_said(&ch->rx.other->one_way, &ch->rx.other->incarnation))
		one_way |= IVSH_SEND_ONLY;
	return one_way;
}
