/* SPDX-License-Identifier: MIT */
/*
 * types.h - what a client holds: the memory, the connection, and the eventfds of all peers.
 */
#ifndef CLIENT_TYPES_H
#define CLIENT_TYPES_H

#include <ivsh/mem.h>

#include <stdbool.h>
#include <stdint.h>

/* MSI-X has no more vectors than this: a server that sends more for one peer is wrong. */
#define CLIENT_VECTORS_MAX 2048u

/* How many clients may be in one group. */
#define CLIENT_GROUP_MAX 16u

/* The eventfds of one peer: a write to entry k notifies its vector k. */
struct client_vectors {
	int *fd;
	uint32_t count;
};

struct client {
	struct ivsh_mem mem; /* mem.doorbell.ctx is this struct: the caller must not move it */
	bool is_sealed;      /* no process can truncate the memory */
	bool is_connected;   /* to a server; false from the start for a plain file */
	bool is_reported;    /* client_poll() has reported the end of the connection */
	int socket;          /* -1: none, or the server has closed the connection */
	int memory;          /* the descriptor behind mem.base */

	/* By peer ID; the table grows as eventfds come, and has our own, too. peers.h. */
	struct client_vectors *peers;
	uint32_t peer_count;

	struct client *group;     /* the next client of the group, in a circle; alone: itself */
	uint32_t notifications;   /* read from our own eventfds so far */
	int doorbells;            /* an epoll set of our own eventfds; -1: there are none */
	unsigned char partial[8]; /* the first bytes of a message that has come in part */
	uint32_t partial_size;
	int partial_fd; /* the descriptor that came with them; -1: none */

	char
	    error[200]; /* after a failure: what is wrong, in one line, without the socket's path */
};

/* Write client->error. Returns -1. */
int client_fail(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
