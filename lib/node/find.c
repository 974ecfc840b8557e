/* SPDX-License-Identifier: MIT */
/*
 * find.c - finding peers by name, and services.
 */
#include "node/inside.h"

const struct ivsh_peer *ivsh_node_peer(struct ivsh_node *node, uint32_t peer)
{
	if (peer >= node->slots || ivsh_region_peer(&node->region, peer, &node->peers[peer]))
		return NULL;
	return &node->peers[peer];
}

int ivsh_node_find_none(const struct ivsh_node *node, int error)
{
	if (error != IVSH_EAGAIN)
		return error;
	if (node->region.attached)
		return IVSH_ENODEV;
	return node->region.removed ? IVSH_EREMOVED : IVSH_ELOST;
}

/* The lowest slot that a peer is attached to. */
static int find_any(struct ivsh_node *node, uint32_t *peer)
{
	for (uint32_t i = 0; i < node->slots; i++) {
		if (i == node->self || ivsh_node_peer(node, i)->presence != IVSH_PEER_ATTACHED)
			continue;
		*peer = i;
		return 0;
	}
	return IVSH_ENODEV;
}

int ivsh_node_find(struct ivsh_node *node, const char *name, uint32_t *peer, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);

	for (;;) {
		int error =
		    name ? ivsh_region_find(&node->region, node->peers, node->slots, name, peer)
			 : find_any(node, peer);

		if (error != IVSH_ENODEV)
			return error;
		/* Nothing announces that a peer attaches. */
		error = ivsh_node_idle(node, IVSH_EVENT_CONTROL, NULL, &limit, IVSH_PEER_EVENT_NS);
		if (error)
			return ivsh_node_find_none(node, error);
	}
}
