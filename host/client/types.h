/* SPDX-License-Identifier: MIT */
/*
 * types.h - what the client's files share: the eventfds of all peers, and the line of an error.
 */
#ifndef CLIENT_TYPES_H
#define CLIENT_TYPES_H

#include <ivsh/client.h>

#include <stdbool.h>
#include <stdint.h>

/* MSI-X has no more vectors than this: a server that sends more for one peer is wrong. */
#define CLIENT_VECTORS_MAX 2048u

/* The eventfds of one peer: a write to entry k notifies its vector k. peers.h. */
struct ivsh_client_vectors {
	int *fd;
	uint32_t count;
};

/* Write client->error. Returns -1. */
int ivsh_client_fail(struct ivsh_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
