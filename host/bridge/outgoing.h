/* SPDX-License-Identifier: MIT */
/*
 * outgoing.h - frames of a pair that go to the bus: publishing them, and noting that they are sent.
 */
#ifndef BRIDGE_OUTGOING_H
#define BRIDGE_OUTGOING_H

#include "bridge/parts.h"

/* Bytes of the largest frame that the bus takes: behind what JetStream's id takes of it. */
size_t outgoing_most(const struct bridge *b, const struct pair *p);

/* Whether the peeked message is still (m), which was copied: called behind the copy. */
bool outgoing_is_same(struct ivsh_chan *ch, const struct ivsh_message *m);

/*
 * Publish (what), under the number behind the last one. m: the peeked message, for a large one. 0,
 * or -1: the bus does not take it now, or the message is not there any more.
 */
int outgoing_publish(struct bridge *b, struct pair *p, struct ivsh_chan *ch, enum near_what what,
    const struct ivsh_message *m);

/* The other side has (what) now: keep that. A large message is released. */
void outgoing_sent(
    struct pair *p, struct ivsh_chan *ch, enum near_what what, const struct ivsh_message *m);

#endif
