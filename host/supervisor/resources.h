/* SPDX-License-Identifier: MIT */
/*
 * resources.h - what the supervisor holds for its servers: state, memory, eventfds, listening sockets
 * and connections.
 *
 * All of these descriptors are inherited by the servers, under the same numbers. What the state
 * says about them is copied there from here before a server begins, since a server can write there.
 */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "backend/backend.h"
#include "wire/state.h"
#include "process/listener.h"
#include "config/options.h"
#include "wire/link.h"

#include <stdbool.h>

struct resources {
	struct state state;
	struct state_head head; /* as it was made, up to what is the server's */
	struct backend memory;
	struct listener control;
	struct listener *listener; /* slots + 1 places */
	uint32_t listeners;        /* that many places */
	struct listener *coming;   /* wanted by a server that is not ready: that many at the most */
	uint32_t coming_count;
	bool *unwanted;  /* by it, per listener */
	uint32_t *moves; /* by it, per listener: 1 + the slot that it is for then; 0: it stays */
	struct state_socket *socket;
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
int resources_open(struct resources *resources, const struct options *options);

/* Write down in the state what a server that begins inherits. */
void resources_write_down(struct resources *resources);

/* A place for one more connection; resources->sockets: there is none. */
uint32_t resources_free_place(const struct resources *resources);

/* Hold a connection that came from a listener of (slot), in a free place. */
void resources_add(struct resources *resources, uint32_t place, int fd, uint32_t slot);

/* Close a connection. Harmless on a place that has none. */
void resources_drop(struct resources *resources, uint32_t place);

/*
 * A server that is not ready yet wants one more listener; resources_rebind() makes it ours. 0, or -1:
 * there is no place for it.
 */
int resources_listen(
    struct resources *resources, const struct link_message *message, int fd, int lock);

/* Likewise it no longer wants one. Harmless on a place that has none. */
void resources_unlisten(struct resources *resources, uint32_t place);

/* Likewise it wants one to be for another slot. Harmless on a place or a slot that is none. */
void resources_move(struct resources *resources, uint32_t place, uint32_t slot);

/* The server begins: do what it wanted; or it does not, and nothing has changed. */
void resources_rebind(struct resources *resources, bool begins);

/* Remove and close everything. */
void resources_close(struct resources *resources);

#endif
