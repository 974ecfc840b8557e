/* SPDX-License-Identifier: MIT */
/*
 * events.c - prints what happens to the other peers, for ever.
 */
#include "transport.h"

#include <ivsh/node.h>

#include <stdio.h>

int main(void)
{
	static uint8_t block[IVSH_NODE_MEMORY];
	const struct ivsh_mem *mem = transport_open();
	struct ivsh_peer_event event;
	struct ivsh_node *node;

	if (!mem || ivsh_node_open(&node, block, sizeof(block), mem, NULL))
		return 1;
	printf("slot %u watches\n", (unsigned)node->self);
	while (ivsh_node_next_event(node, &event, IVSH_FOREVER) == 0)
		printf("peer %u %s\n", (unsigned)event.slot,
		    event.kind == IVSH_PEER_EVENT_UP          ? "is here"
		    : event.kind == IVSH_PEER_EVENT_DOWN      ? "is gone"
		    : event.kind == IVSH_PEER_EVENT_RESTARTED ? "has started again"
							      : "may have lost messages");
	return 1;
}
