/* SPDX-License-Identifier: MIT */
/*
 * acceptor.h - takes connections from the listening sockets.
 *
 * The supervisor does this, so that no connection is ever only in the hands of a server that can be
 * killed: QEMU spins for ever when its connection ends without a word. A server whose supervisor is gone
 * does it in its place.
 */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include "process/caller.h"

#include <stdbool.h>

struct acceptor {
	int spare;      /* held back, to be able to refuse when descriptors run out; -1 */
	bool is_paused; /* nothing is accepted until acceptor_tick() */
	unsigned long refused;
};

/* Begin: 0, or -1 after one line. */
int acceptor_open(struct acceptor *acceptor);

/*
 * The next connection of the listening socket (fd), non-blocking, and what it says of itself; or -1:
 * there is none, or acceptor->is_paused. Who cannot be taken for want of descriptors is refused and
 * closed.
 */
int acceptor_take(struct acceptor *acceptor, int fd, enum caller *caller);

/* Try again from now on; call every 250 ms. */
void acceptor_tick(struct acceptor *acceptor);

void acceptor_close(struct acceptor *acceptor);

#endif
