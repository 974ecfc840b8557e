/* SPDX-License-Identifier: MIT */
/*
 * peers.h - the eventfds of every peer that the server announced, by peer ID.
 */
#ifndef PEERS_H
#define PEERS_H

#include "client/client.h"

/* An ID is 16 bits; ivshmem-spec, "Device registers". */
#define PEERS_ID_MAX 0xffffu

/*
 * (fd) rings the next vector of (peer). On success it is the table's. Answers 0, or -1 with
 * client->error: an impossible ID, too many vectors, no memory.
 */
int peers_add(struct client *client, int64_t peer, int fd);

/* Forget (peer), which left: its eventfds are closed. An unknown one is passed over. */
void peers_remove(struct client *client, int64_t peer);

/* Vectors of (peer) that can be rung; 0: unknown peer, or one that has none. */
uint32_t peers_vectors(const struct client *client, uint32_t peer);

/* Close all of them. */
void peers_close(struct client *client);

#endif
