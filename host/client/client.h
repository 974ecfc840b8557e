/* SPDX-License-Identifier: MIT */
/*
 * client.h - a host process as a peer: from a server's socket, or a plain file, to struct ivsh_mem.
 *
 * Speaks QEMU's ivshmem client-server protocol, version 0 (docs/specs/ivshmem-spec.rst, "Server
 * client communication"), with ivsh-server and with QEMU's own server. One thread owns a client.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <ivsh/mem.h>

#include <stdbool.h>
#include <stdint.h>

/* MSI-X has no more vectors than this; a server that sends more for one peer is wrong. */
#define CLIENT_VECTORS_MAX 2048u

/* The eventfds of one peer; entry k rings its vector k. */
struct client_bells {
	int *fd;
	uint32_t count;
};

struct client {
	struct ivsh_mem mem; /* the doorway; mem.doorbell.ctx is this struct: do not move it */
	bool sealed;         /* the memory cannot be truncated under us */
	bool connected;      /* the server is there; false from the start for a plain file */
	bool told;           /* client_poll() has reported that the server is gone */
	int socket;          /* -1: none, or closed since the server hung up */
	int memory;          /* the descriptor behind mem.base */

	/* By peer ID, grown as the server announces peers; our own among them. peers.h. */
	struct client_bells *peers;
	uint32_t peer_count;

	struct client
	    *group;     /* the next one of those that sleep together, in a ring; alone: itself */
	uint32_t bells; /* taken from our own eventfds */
	int doorbells;  /* an epoll set of our own eventfds; -1: there are none */
	unsigned char partial[8]; /* a message of which only the first bytes have come */
	uint32_t partial_size;
	int partial_fd; /* the descriptor that came with them; -1: none */

	char
	    error[200]; /* after a failure: what is wrong, in one line, without the socket's name */
};

/*
 * Connect to the server at (path), receive ID, memory and eventfds, and map the memory.
 *
 * On success client->mem is ready, with vectors as many as the server gave us. Waits for up to
 * (timeout_ns) in all. The protocol has no end mark: our own eventfds come last and are as many as
 * another peer's; where there is no other peer, 50 ms of silence mean that all are here.
 *
 * Answers 0, or -1 with client->error and nothing left open.
 */
int client_connect(struct client *client, const char *path, uint64_t timeout_ns);

/*
 * The same for who only looks at the memory: without a slot, where the server is ours, also when all
 * are taken; then mem.self is IVSH_SELF_NONE. Nothing is announced, and nobody can be rung.
 */
int client_look(struct client *client, const char *path, uint64_t timeout_ns);

/*
 * Map a plain memory file, such as /dev/shm/NAME, as peer (slot); IVSH_SELF_NONE leaves the choice
 * to the caller. There is no doorbell: vectors is 0, ring is NULL, sleep only waits.
 *
 * Answers 0, or -1 with client->error and nothing left open.
 */
int client_open_file(struct client *client, const char *path, uint32_t slot);

/*
 * Take what the server has sent since: peers that come and, from servers other than ours, go. Never
 * blocks. mem.doorbell.sleep takes it too, so that an idle peer need not call this for its own sake.
 *
 * Answers 0; or -1 once, when the server has hung up or broken the protocol: client->error says
 * which. Memory and bells stay usable after that.
 */
int client_poll(struct client *client);

/* How many clients may be in one group. */
#define CLIENT_GROUP_MOST 16u

/*
 * Let (other), which is in no group yet, count and sleep together with (client) and those that are in its
 * group: a bell of any is counted by all and ends a sleep of each, as ivsh_regions_wait() wants it. Between
 * two waits, by the thread that owns them all. client_close() leaves the group.
 *
 * False: the group has CLIENT_GROUP_MOST already.
 */
bool client_group(struct client *client, struct client *other);

/* Unmap and close everything. Detach the region first. Harmless after a failed open, or twice. */
void client_close(struct client *client);

#endif
