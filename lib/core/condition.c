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
	*broken = true;
	ivsh_chan_stop(ch);
	if (!ch->dead) {
		ch->dead = true;
		ch->region->counters.errors++;
		ivsh_slot_publish(ch->region);
	}
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

	/* No channel of a lost slot is alive. */
	(void)slot_enter(region);
	if (!ch->dead)
		return 0;
	return region->attached ? IVSH_EPROTO : IVSH_ELOST;
}
