/* SPDX-License-Identifier: MIT */
/*
 * twin.h - another bridge that has the name of this host, in this region, on this bus: such as that
 * of a clone of this machine. Both give numbers of one count to different messages, of which a
 * receiver drops some as known.
 */
#ifndef BRIDGE_TWIN_H
#define BRIDGE_TWIN_H

#include "bridge/parts.h"

/* Hear what bridges of this name say. 0, or -1 after a line. */
int twin_begin(struct bridge *b);

/* Whether (item) is what one of them says; of another form, it is not. It stays the caller's. */
bool twin_take(struct bridge *b, const struct bus_item *item, uint64_t now);

/* Say who we are, if it is time, and see whether the other one has gone. */
void twin_step(struct bridge *b, uint64_t now);

#endif
