/* SPDX-License-Identifier: MIT */
/*
 * client.h - a host process as a peer: from a server's socket, or a plain file, to struct ivsh_mem.
 *
 * The client speaks QEMU's ivshmem client-server protocol, version 0 (docs/specs/ivshmem-spec.rst,
 * "Server client communication"), with ivsh-server and with QEMU's own server. One thread owns a
 * client.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "client/types.h"

/*
 * Connect to the server at (path), receive ID, memory and eventfds, and map the memory.
 *
 * On success client->mem is ready, with as many vectors as the server has sent. Waits for up to
 * (timeout_ns) in all: for 50 ms of silence at least, if there is no other peer (handshake.h).
 *
 * Returns 0, or -1 with client->error and nothing left open.
 */
int client_connect(struct client *client, const char *path, uint64_t timeout_ns);

/*
 * Connect and map the memory without a slot, if the server is ivsh-server: that also works when all
 * slots are taken, and mem.self is IVSH_SELF_NONE. Other servers give an ID. The client receives no
 * eventfds, so it can notify nobody.
 *
 * Returns as client_connect().
 */
int client_probe(struct client *client, const char *path, uint64_t timeout_ns);

/*
 * Map a plain memory file, such as /dev/shm/NAME, as peer (slot); IVSH_SELF_NONE leaves the choice
 * to the caller. There is no doorbell: vectors is 0, notify is NULL, sleep only waits.
 *
 * Returns 0, or -1 with client->error and nothing left open.
 */
int client_open_file(struct client *client, const char *path, uint32_t slot);

/*
 * Receive what the server has sent since: the eventfds of peers that come and, from servers other
 * than ivsh-server, which peers leave. Never blocks. mem.doorbell.sleep does the same, so that a
 * peer that only sleeps need not call this.
 *
 * Returns 0; or -1 once, when the server has closed the connection or broken the protocol:
 * client->error says which. Memory and doorbells can be used after that.
 */
int client_poll(struct client *client);

/*
 * Let (other), which is in no group yet, count and sleep together with (client) and the group of
 * (client): a notification of any member counts for all, and ends the sleep of each, as
 * ivsh_regions_wait() needs it. The thread that owns all of them calls this between two waits.
 * client_close() leaves the group.
 *
 * Returns 0, or -1: the group has CLIENT_GROUP_MAX clients already.
 */
int client_group(struct client *client, struct client *other);

/*
 * Unmap and close everything. Detach the region first. Harmless after a failed open, and for a
 * client that is closed already.
 */
void client_close(struct client *client);

#endif
