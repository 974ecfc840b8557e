/* SPDX-License-Identifier: MIT */
/*
 * client.h - a process of a Linux host as a peer: from a server's socket, a plain file, or the
 * files of a split region, to struct ivsh_mem.
 *
 * The client speaks QEMU's ivshmem client-server protocol, version 0 (docs/specs/ivshmem-spec.rst,
 * "Server client communication"), with ivsh-server and with QEMU's own server. It is an archive of
 * its own, libivsh-client.a, which needs the C library. One thread owns a client.
 * ivsh.h does not include this header.
 *
 * A call that fails answers IVSH_EPLATFORM, leaves nothing open, and says in client->error why.
 */
#ifndef IVSH_CLIENT_H
#define IVSH_CLIENT_H

#include <ivsh/error.h>
#include <ivsh/mem.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many clients may be in one group. */
#define IVSH_CLIENT_GROUP_MAX 16u

struct ivsh_client_vectors;

/* In the caller's memory, where it stays until ivsh_client_close(). The caller only reads it. */
struct ivsh_client {
	struct ivsh_mem mem; /* the transport handle, for ivsh_node_open() */
	bool is_sealed;      /* no process can truncate the memory */
	bool is_connected;   /* to a server; false from the start for a plain file */
	char error[200];     /* after a failure: why, in one line, without the path */

	/* The rest is the client's own. */
	bool is_reported;   /* ivsh_client_poll() has reported the end of the connection */
	bool has_more;      /* the last call left messages of the server in the socket */
	int socket;         /* -1: none, or the server has closed the connection */
	int memory;         /* the descriptor behind mem.base */
	int *parts;         /* a split region: those behind mem.parts; -1: that part is not here */
	uint64_t part_size; /* the bytes of each part, by the header */

	/* By peer ID; the table grows as eventfds come, and has our own, too. */
	struct ivsh_client_vectors *peers;
	uint32_t peer_count;

	struct ivsh_client *group; /* the next client of the group, in a circle; alone: itself */
	uint32_t notifications;    /* read from our own eventfds so far */
	int doorbells;             /* an epoll set of our own eventfds; -1: there are none */
	unsigned char partial[8];  /* the first bytes of a message that has come in part */
	uint32_t partial_size;
	int partial_fd; /* the descriptor that came with them; -1: none */
};

/*
 * Connect to the server at (path), receive ID, memory and eventfds, and map the memory. Of a split
 * region (SPEC 17) the client maps all parts, the own one for writing and the others for reading:
 * mem.parts has them, and mem.split is set.
 *
 * On success client->mem is ready, with as many vectors as the server has sent. Waits for up to
 * (timeout_ns) in all: for 50 ms of silence at least, if there is no other peer, as the protocol
 * has no end mark; for a second, while there are fewer vectors than the server's page says.
 */
int ivsh_client_connect(
    struct ivsh_client *client, const char *path, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Connect and map the memory for reading, without a slot, if the server is ivsh-server: that also
 * works when all slots are taken, and mem.self is IVSH_SELF_NONE. Other servers give an ID. The
 * client receives no eventfds, so it can notify nobody; a store into the memory ends the process.
 */
int ivsh_client_probe(
    struct ivsh_client *client, const char *path, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * Map a plain memory file, such as /dev/shm/NAME, as peer (slot); IVSH_SELF_NONE leaves the choice
 * to the caller. There is no doorbell: vectors is 0, notify is NULL, sleep only waits.
 *
 * Or the files of a split region, in the folder (path): the part of (slot) for writing, all others
 * for reading. With IVSH_SELF_NONE it is the one part that this process can write: mem.self is that
 * slot, and it is an error if there are several.
 */
int ivsh_client_open_file(
    struct ivsh_client *client, const char *path, uint32_t slot) IVSH_MUST_CHECK;

/*
 * Receive what the server has sent since: the eventfds of peers that come and, from servers other
 * than ivsh-server, which peers leave. Never blocks. mem.doorbell.sleep does the same, so that a
 * peer that only sleeps need not call this.
 *
 * IVSH_ENODEV  once, when the server has closed the connection or broken the protocol:
 *              client->error says which. Memory and doorbells can be used after that.
 */
int ivsh_client_poll(struct ivsh_client *client);

/*
 * Let (other), which is in no group yet, count and sleep together with (client) and the group of
 * (client): a notification of any member counts for all, and ends the sleep of each, as
 * ivsh_regions_wait() needs it. The thread that owns all of them calls this between two waits.
 * ivsh_client_close() leaves the group.
 *
 * IVSH_ENOSPC  the group has IVSH_CLIENT_GROUP_MAX clients already.
 */
int ivsh_client_group(struct ivsh_client *client, struct ivsh_client *other);

/*
 * Unmap and close everything. Detach the region, or close the node, first. Harmless after a failed
 * open, and for a client that is closed already.
 */
void ivsh_client_close(struct ivsh_client *client);

#ifdef __cplusplus
}
#endif
#endif
