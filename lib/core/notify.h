/* SPDX-License-Identifier: MIT */
/*
 * notify.h - waking the peer at the other end of a channel. SPEC 8.
 */
#ifndef IVSH_CORE_NOTIFY_H
#define IVSH_CORE_NOTIFY_H

#include <ivsh/channel.h>

/* Notify the receiver if it has requested so. True if it was notified. */
bool ivsh_sender_notify(struct ivsh_chan *ch);

/*
 * Change our pending byte in the receiver's slot, if the receiver reads the pending bytes. SPEC
 * R8.6.2.
 */
void ivsh_sender_hint(struct ivsh_chan *ch);

/*
 * The receiver's notify flags are not 0, and the messages from (first) on are stored: do what the
 * flags ask for. Answers 0.
 */
int ivsh_sender_attend(struct ivsh_chan *ch, uint32_t first);

/* Notify the sender if it has requested so. */
void ivsh_receiver_notify(struct ivsh_chan *ch);

/* Store our notify flags for the sender: IVSH_WIRE_NOTIFY_*. */
void ivsh_receiver_flags(struct ivsh_chan *ch, uint32_t flags);

/* Notify the peer, at whichever end of either ring it waits. */
void ivsh_chan_wake(struct ivsh_chan *ch);

#endif
