/* SPDX-License-Identifier: MIT */
/*
 * far.h - messages of remote peers for local ones: from the bus to the ring.
 */
#ifndef BRIDGE_FAR_H
#define BRIDGE_FAR_H

#include "bridge/parts.h"

/* The remote peer of (p) was attached just now: is the last message in the ring? */
void far_attach(struct pair *p);

/*
 * Take (item), which came for (p): a message on (port), or a state. False: it is none, or there is
 * no room for it, and the caller frees it.
 */
bool far_take(struct bridge *b, struct pair *p, struct bus_item *item, bool is_state, uint16_t port,
    uint64_t sequence, uint64_t now);

/* Put the next one into the ring, if there is one and it has room. Answers whether it has. */
bool far_step(struct pair *p);

/*
 * Whether the stream has messages that did not come yet: a state does not pass it, and is here
 * sooner than they are. What does not come for a while is gone.
 */
bool far_is_behind(struct pair *p, uint64_t now);

/* Drop all that wait, or what the stream has brought of it, and will bring again. */
void far_clear(struct pair *p);
void far_clear_kept(struct pair *p);

#endif
