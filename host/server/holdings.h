/* SPDX-License-Identifier: MIT */
/*
 * holdings.h - what the keeper holds for its servers: ledger, memory, eventfds, listening sockets
 * and connections.
 *
 * All of these descriptors are inherited by the servers, under the same numbers. What the ledger
 * says about them is copied there from here before a server begins, since a server can write there.
 */
#ifndef HOLDINGS_H
#define HOLDINGS_H

#include "backend/backend.h"
#include "server/ledger.h"
#include "server/listener.h"
#include "server/options.h"

#include <stdbool.h>

struct holdings {
	struct ledger ledger;
	struct ledger_head head; /* as it was made, up to what is the server's */
	struct backend memory;
	struct listener control;
	struct listener *listener; /* slots + 1 places */
	uint32_t listeners;        /* that many places */
	struct listener *coming;   /* wanted by a server that is not ready: that many at the most */
	uint32_t coming_count;
	bool *unwanted;  /* by it, per listener */
	uint32_t *moves; /* by it, per listener: 1 + the slot that it is for then; 0: it stays */
	struct ledger_socket *socket;
	uint32_t sockets; /* that many places */
	uint32_t used;    /* of them */
	int32_t *bells;
	uint32_t bells_count;
	int config; /* what the servers read; -1: there is no configuration file */
	int known;  /* and what was looked up for it */
};

/*
 * Acquire all that (options) ask for, listening last. 0; or -1 after one line on stderr, with nothing
 * left behind.
 */
int holdings_open(struct holdings *holdings, const struct options *options);

/* Write down in the ledger what a server that begins inherits. */
void holdings_write_down(struct holdings *holdings);

/* A place for one more connection; holdings->sockets: there is none. */
uint32_t holdings_free_place(const struct holdings *holdings);

/* Hold a connection that came from a listener of (slot), in a free place. */
void holdings_add(struct holdings *holdings, uint32_t place, int fd, uint32_t slot);

/* Close a connection. Harmless on a place that has none. */
void holdings_drop(struct holdings *holdings, uint32_t place);

/*
 * A server that is not ready yet wants one more listener; holdings_rebind() makes it ours. 0, or -1:
 * there is no place for it.
 */
int holdings_listen(
    struct holdings *holdings, const struct link_message *message, int fd, int lock);

/* Likewise it no longer wants one. Harmless on a place that has none. */
void holdings_unlisten(struct holdings *holdings, uint32_t place);

/* Likewise it wants one to be for another slot. Harmless on a place or a slot that is none. */
void holdings_move(struct holdings *holdings, uint32_t place, uint32_t slot);

/* The server begins: do what it wanted; or it does not, and nothing has changed. */
void holdings_rebind(struct holdings *holdings, bool begins);

/* Remove and close everything. */
void holdings_close(struct holdings *holdings);

#endif
