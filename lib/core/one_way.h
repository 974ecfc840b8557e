/* SPDX-License-Identifier: MIT */
/*
 * one_way.h - channels of one direction: what each side says of the ring that it leaves alone.
 * SPEC 18.
 */
#ifndef IVSH_CORE_ONE_WAY_H
#define IVSH_CORE_ONE_WAY_H

#include "core/atomic.h"

#include <ivsh/channel.h>

/*
 * Say in our two lines which ring we leave alone, if any. The lines have our incarnation. To be
 * called when the channel was opened, when the incarnation is a new one, and when another peer has
 * stored there.
 */
void ivsh_chan_declare(struct ivsh_chan *ch);

/*
 * Whether a side's present incarnation leaves the ring alone. Any other value than its number says
 * nothing: an earlier incarnation left it, or it is damage. SPEC R18.2.3.
 */
static inline bool one_way_is_said(const uint32_t *one_way, const uint32_t *incarnation)
{
	uint32_t said = load32_acquire(one_way);

	return said != 0 && said == load32(incarnation);
}

static inline bool sender_is_refused(const struct ivsh_chan *ch)
{
	return one_way_is_said(&ch->tx.other->one_way, &ch->tx.other->incarnation);
}

#endif
