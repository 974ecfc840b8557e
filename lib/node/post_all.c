/* SPDX-License-Identifier: MIT */
/*
 * post_all.c - sending to a peer by its name, or to all that are present.
 */
#include "node/inside.h"

int ivsh_node_send_to(struct ivsh_node *node, const char *name, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns)
{
	uint32_t peer;
	int error = ivsh_node_find(node, name, &peer, 0);

	return error ? error : ivsh_node_send(node, peer, port, data, size, timeout_ns);
}

int ivsh_node_broadcast(struct ivsh_node *node, uint16_t port, const void *data, uint32_t size,
    uint32_t *sent, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);
	uint32_t accepted = 0;
	int first = 0;

	(void)parts_look(node);
	for (uint32_t i = 0; i < node->slots; i++) {
		const struct ivsh_peer *peer = ivsh_node_peer(node, i);
		int error;

		if (i == node->self || peer->presence != IVSH_PEER_ATTACHED)
			continue;
		error = ivsh_node_send(node, i, port, data, size, limit_left(node, &limit));
		if (!error)
			accepted++;
		else if (!first)
			first = error;
	}
	if (sent)
		*sent = accepted;
	return first;
}
