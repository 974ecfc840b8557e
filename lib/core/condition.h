/* SPDX-License-Identifier: MIT */
/*
 * condition.h - whether a channel is alive, and taking its credit away.
 */
#ifndef IVSH_CORE_CONDITION_H
#define IVSH_CORE_CONDITION_H

#include <ivsh/channel.h>

/*
 * Every call on the slow path begins with this: it advances the heartbeat. 0, why the channel is
 * dead, or IVSH_EAGAIN: the machine was moved, and the channel begins anew.
 */
int ivsh_chan_enter(struct ivsh_chan *ch);

/* Take the credit away: the next message in either direction takes the slow path. */
void ivsh_chan_stop(struct ivsh_chan *ch);

/*
 * Something in a ring breaks SPEC.md, so the channel is dead until it is reset. (broken): the
 * ring's flag. Answers IVSH_EPROTO; or what ivsh_slot_check() does, where the machine or the memory
 * was moved or the slot is lost.
 */
int ivsh_chan_break(struct ivsh_chan *ch, bool *broken);

/* Messages may have been lost: a new generation goes on, or one that was never reported. */
void ivsh_chan_lost(struct ivsh_chan *ch);

#endif
