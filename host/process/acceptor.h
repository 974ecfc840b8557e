/* SPDX-License-Identifier: MIT */
/*
 * acceptor.h - takes connections from the listening sockets.
 *
 * The supervisor accepts, so that no connection is ever only in a server, which can be killed: QEMU
 * spins for ever when its connection ends without a message. A server whose supervisor is gone
 * accepts itself.
 */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include "process/caller.h"

#include <stdbool.h>

struct acceptor {
	int spare; /* a descriptor held back, to refuse a client when there are no others; -1 */
	bool is_paused; /* nothing is accepted until acceptor_tick() */
	unsigned long refused;
};

/* Begin: 0, or -1 after one line. */
int acceptor_open(struct acceptor *acceptor);

/*
 * Accept the next connection of the listening socket (fd): non-blocking. (*caller) is the kind of
 * client that its address names. -1: there is none, or acceptor->is_paused. A connection for which
 * there is no descriptor is refused and closed.
 */
int acceptor_take(struct acceptor *acceptor, int fd, enum caller *caller);

/* Accept again from now on; call every 250 ms. */
void acceptor_tick(struct acceptor *acceptor);

void acceptor_close(struct acceptor *acceptor);

#endif
