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
	int error;

	if (!mem || ivsh_node_open(&node, block, sizeof(block), mem, NULL))
		return 1;
	printf("slot %u sleeps\n", (unsigned)node->self);
	do {
		error = ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER);
		if (error == IVSH_ENOSPC) /* it is larger than text */
			ivsh_node_drop(node, &m);
		else if (!error)
			printf("peer %u woke us: %.*s\n", (unsigned)m.peer, (int)m.size, text);
	} while (!error || error == IVSH_ENOSPC);
	return 1;
}
