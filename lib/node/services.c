/* SPDX-License-Identifier: MIT */
/*
 * services.c - named ports: publishing them, and finding a peer that offers one.
 */
#include "node/inside.h"

int ivsh_node_offer(struct ivsh_node *node, const char *name, uint16_t port)
{
	return ivsh_region_offer(&node->region, name, port);
}

int ivsh_node_find_service(
    struct ivsh_node *node, const char *name, uint32_t *peer, uint16_t *port, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);

	for (;;) {
		int error;

		for (uint32_t i = 0; i < node->slots; i++) {
			if (i == node->self ||
			    ivsh_node_peer(node, i)->presence != IVSH_PEER_ATTACHED ||
			    ivsh_region_port(&node->region, i, name, port))
				continue;
			*peer = i;
			return 0;
		}
		/* Nothing announces a service. */
		error = ivsh_node_idle(node, IVSH_EVENT_CONTROL, NULL, &limit, IVSH_PEER_EVENT_NS);
		if (error)
			return ivsh_node_find_none(node, error);
	}
}
