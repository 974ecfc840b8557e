/* SPDX-License-Identifier: MIT */
/*
 * peers.c - the eventfds of every peer that the server has sent, by peer ID.
 */
#include "client/peers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Make room for (peer), at most PEERS_ID_MAX: 1 MiB in all. 0, or -1: out of memory. */
static int grow(struct ivsh_client *client, uint32_t peer)
{
	struct ivsh_client_vectors *grown;

	if (peer < client->peer_count)
		return 0;
	grown = realloc(client->peers, (peer + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	memset(grown + client->peer_count, 0, (peer + 1 - client->peer_count) * sizeof(*grown));
	client->peers = grown;
	client->peer_count = peer + 1;
	return 0;
}

int ivsh_client_peers_add(struct ivsh_client *client, int64_t peer, int fd)
{
	struct ivsh_client_vectors *vectors;
	int *grown;

	if (peer < 0 || peer > (int64_t)PEERS_ID_MAX)
		return ivsh_client_fail(
		    client, "the server sent an eventfd for peer %lld", (long long)peer);
	if (grow(client, (uint32_t)peer))
		return ivsh_client_fail(client, "out of memory for peer %lld", (long long)peer);
	vectors = &client->peers[peer];
	if (vectors->count >= CLIENT_VECTORS_MAX)
		return ivsh_client_fail(client,
		    "the server sent more than 2048 vectors for peer %lld", (long long)peer);
	grown = realloc(vectors->fd, (vectors->count + 1) * sizeof(*grown));
	if (!grown)
		return ivsh_client_fail(client, "out of memory for peer %lld", (long long)peer);
	vectors->fd = grown;
	vectors->fd[vectors->count++] = fd;
	return 0;
}

void ivsh_client_peers_remove(struct ivsh_client *client, int64_t peer)
{
	struct ivsh_client_vectors *vectors;

	if (peer < 0 || peer >= (int64_t)client->peer_count)
		return;
	vectors = &client->peers[peer];
	for (uint32_t i = 0; i < vectors->count; i++)
		close(vectors->fd[i]);
	free(vectors->fd);
	*vectors = (struct ivsh_client_vectors){0};
}

uint32_t ivsh_client_peers_vectors(const struct ivsh_client *client, uint32_t peer)
{
	return peer < client->peer_count ? client->peers[peer].count : 0;
}

void ivsh_client_peers_close(struct ivsh_client *client)
{
	for (uint32_t i = 0; i < client->peer_count; i++)
		ivsh_client_peers_remove(client, i);
	free(client->peers);
	client->peers = NULL;
	client->peer_count = 0;
}
