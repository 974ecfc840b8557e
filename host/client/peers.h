/* SPDX-License-Identifier: MIT */
/*
 * peers.h - the eventfds of every peer that the server has sent, by peer ID.
 */
#ifndef PEERS_H
#define PEERS_H

#include "client/types.h"

/* An ID is 16 bits; ivshmem-spec, "Device registers". */
#define PEERS_ID_MAX 0xffffu

/*
 * Add (fd) as the next vector of (peer). On success the table owns it. Returns 0, or -1 with
 * client->error: an impossible ID, too many vectors, no memory.
 */
int ivsh_client_peers_add(struct ivsh_client *client, int64_t peer, int fd);

/* Close the eventfds of (peer), which has left. Harmless for an unknown peer. */
void ivsh_client_peers_remove(struct ivsh_client *client, int64_t peer);

/* How many vectors (peer) has; 0: none, or the peer is unknown. */
uint32_t ivsh_client_peers_vectors(const struct ivsh_client *client, uint32_t peer);

/* Close the eventfds of all peers. */
void ivsh_client_peers_close(struct ivsh_client *client);

#endif
