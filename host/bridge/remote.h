/* SPDX-License-Identifier: MIT */
/*
 * remote.h - a peer of another host: its slot here, while it is there.
 */
#ifndef BRIDGE_REMOTE_H
#define BRIDGE_REMOTE_H

#include "bridge/parts.h"

/* Make the remote peer of (config), and its pairs. NULL after one line. */
struct remote *remote_make(struct bridge *b, const struct config_remote *config);

/*
 * There are other local peers in the configuration: those that stay keep their pairs, and (r) its
 * slot. 0; or -1 after one line: then (r) is good for remote_free() alone.
 */
int remote_locals(struct bridge *b, struct remote *r);

/* Another line of the same slot and peer is its own from here on: (config). */
void remote_config(struct remote *r, const struct config_remote *config);

/* Leave the slot, and free it all. */
void remote_free(struct bridge *b, struct remote *r);

/* Attach or detach its slot, as its last state says, and take what happened in the region. */
void remote_step(struct bridge *b, struct remote *r, uint64_t now);

/* Look at what peers without a name here have sent: it stays where it is, and is said once. */
void remote_strangers(struct bridge *b, struct remote *r);

#endif
