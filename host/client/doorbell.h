/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - struct ivsh_doorbell over eventfds.
 */
#ifndef DOORBELL_H
#define DOORBELL_H

#include "client/client.h"

/*
 * Fill client->mem.doorbell; without (eventfds) it has no ring and no vectors. Vectors that the server
 * sends later do not count. 0, or -1 with client->error.
 */
int doorbell_open(struct client *client, bool eventfds);

/* Leave the group. Harmless for a client that was never opened and is zeroed. */
void doorbell_leave(struct client *client);

/* The clock of the doorway. */
uint64_t doorbell_now_ns(void *ctx);

#endif
