/* SPDX-License-Identifier: MIT */
/*
 * peers.c - the eventfds of every peer that the server has sent, by peer ID.
 */
#include "client/peers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Make room for (peer), at most PEERS_ID_MAX: 1 MiB in all. 0, or -1: out of memory. */
static int grow(struct client *client, uint32_t peer)
{
	struct client_vectors *grown;

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

int peers_add(struct client *client, int64_t peer, int fd)
{
	struct client_vectors *vectors;
	int *grown;

	if (peer < 0 || peer > (int64_t)PEERS_ID_MAX)
		return client_fail(
		    client, "the server sent an eventfd for peer %lld", (long long)peer);
	if (grow(client, (uint32_t)peer))
		return client_fail(client, "out of memory for peer %lld", (long long)peer);
	vectors = &client->peers[peer];
	if (vectors->count >= CLIENT_VECTORS_MAX)
		return client_fail(client, "the server sent more than 2048 vectors for peer %lld",
		    (long long)peer);
	grown = realloc(vectors->fd, (vectors->count + 1) * sizeof(*grown));
	if (!grown)
		return client_fail(client, "out of memory for peer %lld", (long long)peer);
	vectors->fd = grown;
	vectors->fd[vectors->count++] = fd;
	return 0;
}

void peers_remove(struct client *client, int64_t peer)
{
	struct client_vectors *vectors;

	if (peer < 0 || peer >= (int64_t)client->peer_count)
		return;
	vectors = &client->peers[peer];
	for (uint32_t i = 0; i < vectors->count; i++)
		close(vectors->fd[i]);
	free(vectors->fd);
	*vectors = (struct client_vectors){0};
}

uint32_t peers_vectors(const struct client *client, uint32_t peer)
{
	return peer < client->peer_count ? client->peers[peer].count : 0;
}

void peers_close(struct client *client)
{
	for (uint32_t i = 0; i < client->peer_count; i++)
		peers_remove(client, i);
	free(client->peers);
	client->peers = NULL;
	client->peer_count = 0;
}
