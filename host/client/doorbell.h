/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - struct ivsh_doorbell over eventfds.
 */
#ifndef DOORBELL_H
#define DOORBELL_H

#include "client/types.h"

/*
 * Fill client->mem.doorbell. Without (has_eventfds) it has no notify and no vectors. Vectors that
 * the server sends after this call do not count. Returns 0, or -1 with client->error.
 */
int ivsh_client_doorbell_open(struct ivsh_client *client, bool has_eventfds);

/* Leave the group. Harmless for a client that was never opened and is zeroed. */
void ivsh_client_doorbell_leave(struct ivsh_client *client);

#endif
