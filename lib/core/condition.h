/* SPDX-License-Identifier: MIT */
/*
 * condition.h - whether a channel is alive, and taking its credit away.
 */
#ifndef IVSH_CORE_CONDITION_H
#define IVSH_CORE_CONDITION_H

#include <ivsh/channel.h>

/*
 * Every call on the slow path begins with this: it advances the heartbeat. 0, or why the channel is
 * dead.
 */
int ivsh_chan_enter(struct ivsh_chan *ch);

/* Take the credit away: the next message in either direction takes the slow path. */
void ivsh_chan_stop(struct ivsh_chan *ch);

/*
 * Something in a ring breaks SPEC.md, so the channel is dead until it is reset. (broken): the
 * ring's flag. Answers IVSH_EPROTO.
 */
int ivsh_chan_break(struct ivsh_chan *ch, bool *broken);

/* Messages may have been lost: a new generation goes on, or one that was never reported. */
void ivsh_chan_lost(struct ivsh_chan *ch);

#endif
