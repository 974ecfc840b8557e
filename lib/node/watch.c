/* SPDX-License-Identifier: MIT */
/*
 * watch.c - the events of the other peers.
 */
#include "node/inside.h"

/* A channel that broke too often, which was not reported yet. */
static bool broken_next(struct ivsh_node *node, struct ivsh_peer_event *event)
{
	for (uint32_t i = 0; i < node->slots; i++) {
		struct ivsh_node_link *link = &node->links[i];

		if (!link->broken || link->broken_reported)
			continue;
		link->broken_reported = true;
		event->kind = IVSH_PEER_EVENT_BROKEN;
		event->slot = i;
		return true;
	}
	return false;
}

int ivsh_node_next_event(struct ivsh_node *node, struct ivsh_peer_event *event, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);

	for (;;) {
		int error;

		ivsh_node_mend_all(node);
		if (broken_next(node, event))
			return 0;
		error = ivsh_region_peer_event(&node->region, node->peers, node->slots, event);
		if (error != IVSH_EAGAIN)
			return error;
		/* The caller has every event that the waits before this one have found. */
		node->seen = 0;
		error = ivsh_node_idle(
		    node, IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN, NULL, &limit, IVSH_PEER_EVENT_NS);
		if (error)
			return error;
	}
}
