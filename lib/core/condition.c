/* SPDX-License-Identifier: MIT */
/*
 * condition.c - whether a channel is alive, and taking its credit away.
 */
#include "core/condition.h"

#include "core/slot.h"

void ivsh_chan_stop(struct ivsh_chan *ch)
{
	ch->tx.credit_end = ch->tx.credit_saved = ch->tx.head;
	ch->rx.credit_end = ch->rx.credit_saved = ch->rx.read;
}

int ivsh_chan_break(struct ivsh_chan *ch, bool *broken)
{
	if (!ch->dead) {
		/* What a moved machine, or a moved memory, leaves is no damage. */
		int error = ivsh_slot_check(ch->region);

		if (error)
			return error;
		ch->dead = true;
		ch->region->counters.errors++;
		ivsh_slot_counters(ch->region);
	}
	*broken = true;
	ivsh_chan_stop(ch);
	return IVSH_EPROTO;
}

void ivsh_chan_lost(struct ivsh_chan *ch)
{
	ch->lost++;
	ch->region->counters.lost++;
}

int ivsh_chan_enter(struct ivsh_chan *ch)
{
	struct ivsh_region *region = ch->region;
	int error = ivsh_slot_enter(region);

	if (!region->attached)
		return slot_error(region);
	return ch->dead ? IVSH_EPROTO : error;
}
