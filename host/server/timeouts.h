/* SPDX-License-Identifier: MIT */
/*
 * timeouts.h - what is due by the clock, and what failed and is tried again.
 */
#ifndef TIMEOUTS_H
#define TIMEOUTS_H

#include "server/clients.h"

/* Check each client; call every 250 ms. */
void timeouts_check(struct clients *clients);

#endif
