/* SPDX-License-Identifier: MIT */
/*
 * passing.h - accepts connections, and passes them on to the server.
 */
#ifndef PASSING_H
#define PASSING_H

#include "supervisor/supervisor.h"

/* Once, when the resources and the loop are open. 0, or -1 after one line on stderr. */
int passing_open(struct supervisor *supervisor);

/* Let connections wait in the queues of the listeners. */
void passing_pause(struct supervisor *supervisor);

/* Accept, or let connections wait: as the server, and room for more of them, allow it now. */
void passing_update(struct supervisor *supervisor);

/* How many accepted connections can be passed on now. */
uint32_t passing_count(const struct supervisor *supervisor);

/*
 * Pass on what was accepted. When the link is full, the loop reports it when there is room again;
 * for other errors that pass, passing_retry() tries again.
 */
void passing_send(struct supervisor *supervisor);

/* There is room in the server's link. */
void passing_on_room(struct supervisor *supervisor);

/* Try again what failed for want of descriptors or memory; at each tick. */
void passing_retry(struct supervisor *supervisor);

/* A server begins: it finds all connections in the state. */
void passing_forget(struct supervisor *supervisor);

#endif
