/* SPDX-License-Identifier: MIT */
/*
 * loss.c - a sender's word that messages are missing before its next one.
 */
#include "core/condition.h"
#include "core/one_way.h"
#include "core/reset.h"
#include "core/slot.h"

int ivsh_chan_report_loss(struct ivsh_chan *ch)
{
	const struct ivsh_region *region = ch->region;
	int error;

	if (!ch->open || !region->sender_follow)
		return IVSH_EINVAL;
	error = ivsh_chan_enter(ch);
	/* A machine that was moved may have begun a generation, or not: see below. */
	if (error && error != IVSH_EAGAIN)
		return error;
	if (ch->tx.reserved)
		return IVSH_EINVAL;
	if (ch->tx.closed || sender_is_refused(ch))
		return IVSH_EONEWAY;
	/* A receiver that has followed the last generation may have reported it already. One that
	 * has not reports it behind all that was sent, and nothing was sent since. SPEC R6.7.4. */
	error = region->sender_follow(ch);
	if (!error)
		ivsh_sender_restart(ch, ch->tx.reset_ack);
	return error == IVSH_EAGAIN ? 0 : error;
}
