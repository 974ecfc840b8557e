/* SPDX-License-Identifier: MIT */
/*
 * reset.h - starting over in a ring that is damaged. SPEC 6.
 */
#ifndef IVSH_CORE_RESET_H
#define IVSH_CORE_RESET_H

#include "core/linkage.h"

#include <ivsh/channel.h>

/* Begin a new generation of the ring that we send into, as an answer to reset request (asked). */
void ivsh_sender_restart(struct ivsh_chan *ch, uint32_t asked);

/*
 * Answer the receiver's reset request, or see that it has followed our generation. Nothing is
 * reserved. 0: in step; IVSH_EAGAIN: not yet; IVSH_EPROTO: the channel broke. Called by
 * region->sender_follow, as the next one is by region->receiver_follow.
 */
HIDDEN int ivsh_sender_follow(struct ivsh_chan *ch);

/* Follow the sender into its new generation, if there is one. Nothing is peeked. */
HIDDEN void ivsh_receiver_follow(struct ivsh_chan *ch);

/* Ask the sender for a new generation. */
void ivsh_receiver_restart(struct ivsh_chan *ch);

#endif
