/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - slots 0 and 1 each send the other a line, and print the one that they receive.
 */
#include "transport.h"

#include <ivsh/node.h>

#include <stdio.h>

int main(void)
{
	static uint8_t block[IVSH_NODE_MEMORY];
	const struct ivsh_mem *mem = transport_open();
	struct ivsh_node_message m;
	struct ivsh_node *node;
	char text[64];

	if (!mem || ivsh_node_open(&node, block, sizeof(block), mem, NULL))
		return 1;
	if (ivsh_node_send(node, 1 - node->self, IVSH_PORT_TEXT, "hello", 5, IVSH_FOREVER) ||
	    ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER))
		return 1;
	printf("peer %u says %.*s\n", (unsigned)m.peer, (int)m.size, text);
	ivsh_node_close(node);
	return 0;
}
