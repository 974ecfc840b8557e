/* SPDX-License-Identifier: MIT */
/*
 * link.h - messages between supervisor and server, over a socketpair that the server inherits.
 *
 * The socketpair has no name, so no other process can send here. Neither side ever waits for the
 * other.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a new server finds its supervisor: "LINK,STATE,CONFIG,RELOAD,KNOWN", all but RELOAD
 * descriptors. The older name is that of a program of an earlier version, which executes this one
 * once it is installed.
 */
#define LINK_ENVIRONMENT "IVSH_SUPERVISOR"
#define LINK_ENVIRONMENT_OLDER "IVSH_KEEPER"

enum link_kind {
	LINK_READY = 1, /* server: it has read its configuration, and can begin */
	LINK_BEGIN,     /* supervisor: begin; the state is the server's now */
	LINK_CLIENT,    /* supervisor: connection (index) for (slot), of (caller); its descriptor */
	LINK_DROP,      /* server: connection (index) is over */
	LINK_ALIVE,     /* server: it has begun; and at each tick */
	LINK_LISTEN,    /* server: a listener for (slot), at (path); its socket, and its lock */
	LINK_UNLISTEN,  /* server: listener (index) is no longer wanted */
	LINK_REBIND,    /* server: listener (index) is for (slot) now */
	LINK_OWNER,     /* server: the part of (slot) is to belong to the user (index) */
	LINK_HANDOVER,  /* supervisor: another server takes over; end, and leave all as it is */
};

#define LINK_PATH 108u
#define LINK_FDS 2u
#define LINK_MANY 64u /* messages in one call, at most */

struct link_message {
	uint32_t kind;
	uint32_t index;
	uint32_t slot;
	uint32_t caller; /* enum caller */
	char path[LINK_PATH];
	uint64_t device; /* of the socket's name, as when it was made */
	uint64_t inode;
};

/* Send (count) descriptors, at most LINK_FDS, with a message. 0, or -1 with errno: EAGAIN, ... */
int link_send(int link, const struct link_message *message, const int *fds, unsigned count);

/*
 * Send (count) messages, each with the descriptor of the same index in (fds). Answers how many were
 * sent, from the first on; or -1 with errno, and none was.
 */
int link_send_many(int link, const struct link_message *message, const int *fds, unsigned count);

/* As link_send(), but wait for room, a second at most: for a server that does not serve yet. */
int link_send_in_time(int link, const struct link_message *message, const int *fds, unsigned count);

/*
 * Receive the next message. (fds), LINK_FDS of them, are -1 where no descriptor came. 1; 0: there
 * is no message now; -1: the other side is gone, or sent what is no message.
 */
int link_receive(int link, struct link_message *message, int *fds);

/* The same for up to (count) messages, each with its own descriptors: how many, 0, or -1. */
int link_receive_many(int link, struct link_message *message, int (*fds)[LINK_FDS], unsigned count);

#endif
