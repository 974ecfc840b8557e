/* SPDX-License-Identifier: MIT */
/*
 * arrivals.h - connections that were accepted, and become clients.
 */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include "process/caller.h"
#include "server/clients.h"

#include <stdbool.h>
#include <stdint.h>

/* A connection that was accepted. */
struct arrival {
	uint32_t index; /* a row that is free */
	int fd;
	uint32_t slot; /* that its socket is bound to; SLOTS_NONE: the lowest free one */
	enum caller caller;
};

/*
 * Take (count) new connections, after all clients that have hung up. Where many come, or more are
 * waiting behind them (is_more), each is sent no more than its ID and the memory at once.
 */
void arrivals_add(
    struct clients *clients, const struct arrival *arrivals, uint32_t count, bool is_more);

#endif
