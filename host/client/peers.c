/* SPDX-License-Identifier: MIT */
/*
 * peers.c - the eventfds of every peer that the server announced, by peer ID.
 */
#include "client/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct client *client, const char *what, int64_t peer)
{
	snprintf(client->error, sizeof(client->error), "%s for peer %lld", what, (long long)peer);
	return -1;
}

/* Room for (peer), which is at most PEERS_ID_MAX: 1 MiB at the most. */
static int grow(struct client *client, uint32_t peer)
{
	struct client_bells *grown;

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
	struct client_bells *bells;
	int *grown;

	if (peer < 0 || peer > (int64_t)PEERS_ID_MAX)
		return fail(client, "the server sent an eventfd", peer);
	if (grow(client, (uint32_t)peer))
		return fail(client, "out of memory", peer);
	bells = &client->peers[peer];
	if (bells->count >= CLIENT_VECTORS_MAX)
		return fail(client, "the server sent more than 2048 vectors", peer);
	grown = realloc(bells->fd, (bells->count + 1) * sizeof(*grown));
	if (!grown)
		return fail(client, "out of memory", peer);
	bells->fd = grown;
	bells->fd[bells->count++] = fd;
	return 0;
}

void peers_remove(struct client *client, int64_t peer)
{
	struct client_bells *bells;

	if (peer < 0 || peer >= (int64_t)client->peer_count)
		return;
	bells = &client->peers[peer];
	for (uint32_t i = 0; i < bells->count; i++)
		close(bells->fd[i]);
	free(bells->fd);
	*bells = (struct client_bells){0};
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
