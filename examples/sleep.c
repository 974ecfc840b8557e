/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - sleeps until a message comes, and prints it, for ever.
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
	printf("slot %u sleeps\n", (unsigned)node->self);
	while (ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER) == 0)
		printf("peer %u woke us: %.*s\n", (unsigned)m.peer, (int)m.size, text);
	return 1;
}
