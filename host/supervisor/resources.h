/* SPDX-License-Identifier: MIT */
/*
 * resources.h - what the supervisor holds for its servers: state, memory, eventfds, listening
 * sockets and connections.
 *
 * A server inherits all of these descriptors under the same numbers. Before a server begins, the
 * supervisor copies their description from here to the state, since a server can write to the
 * state.
 */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "backend/backend.h"
#include "config/options.h"
#include "supervisor/listeners.h"
#include "supervisor/parts.h"
#include "wire/state.h"

struct resources {
	struct state state;
	struct state_head head; /* as it was made, up to what is the server's */
	struct backend memory;  /* of a split region: DIR/common */
	struct parts parts;     /* of a split region; else none */
	struct listeners listeners;
	struct state_socket *socket; /* (sockets) of them; fd is -1 where there is none */
	uint32_t sockets;
	uint32_t used;     /* connections */
	int32_t *doorbell; /* (doorbells) eventfds */
	uint32_t doorbells;
	int config; /* what the servers read; -1: there is no configuration file */
	int known;  /* the names that were resolved for it */
};

/*
 * Acquire all that (options) require, listening last. 0; or -1 after one line on stderr, with
 * nothing left behind.
 */
int resources_open(struct resources *resources, const struct options *options);

/* Write to the state what a server that begins inherits. */
void resources_write_down(const struct resources *resources);

/*
 * What a server wanted that has not begun: it begins, and that is done; or not, and nothing has
 * changed.
 */
void resources_settle(struct resources *resources, bool begins);

/* A free entry for one more connection; resources->sockets: there is none. */
uint32_t resources_free_index(const struct resources *resources);

/* Hold a connection that came from a listener of (slot), in a free entry. */
void resources_add(struct resources *resources, uint32_t index, int fd, uint32_t slot);

/* Close a connection. Harmless where there is none. */
void resources_drop(struct resources *resources, uint32_t index);

/* Remove and close everything. */
void resources_close(struct resources *resources);

#endif
