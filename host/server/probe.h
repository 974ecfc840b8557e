/* SPDX-License-Identifier: MIT */
/*
 * probe.h - a probe is sent the memory, without a slot: caller.h. It is an observer, which reads.
 */
#ifndef PROBE_H
#define PROBE_H

#include "server/clients.h"

/*
 * Send (client), which is admitted, the memory; of a split region what observers read of it, and
 * all parts. Then its end. What its socket does not take now it is sent later, as PROBING.
 */
void probe_begin(struct clients *clients, struct client *client);

/* Go on with a client that is PROBING: there is room in its socket, or a while has passed. */
void probe_send(struct clients *clients, struct client *client);

#endif
