/* SPDX-License-Identifier: MIT */
/*
 * connecting.h - the next connection to NATS, in a thread of its own: libnats' calls for the end of
 * one and the begin of another wait for servers.
 */
#ifndef BRIDGE_CONNECTING_H
#define BRIDGE_CONNECTING_H

#include "bridge/opener.h"

#include <nats/nats.h>

#include <stdint.h>

struct connecting {
	struct opening opening;
	natsOptions *options;
	/* The last connection, which is ended first, and its subscriptions. NULL: there is none. */
	natsConnection *last;
	natsSubscription **subscriptions;
	uint32_t count;
	natsConnection *next; /* NULL: there is none */
	char reason[128];     /* why; "": (options) is NULL */
};

/*
 * With (options), which it takes, NULL: no connection is to follow; and with room for (count)
 * subscriptions. NULL: no memory.
 */
struct connecting *connecting_make(natsOptions *options, uint32_t count);

/* Begin it. Where there is no thread for that, it is over when this call returns. */
void connecting_begin(struct connecting *c);

/* Connect, and return when the first servers have answered, or not: all of (c) is known. */
void connecting_wait(struct connecting *c);

/* Free it; (next) stays. */
void connecting_free(struct connecting *c);

#endif
