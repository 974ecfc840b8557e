/* SPDX-License-Identifier: MIT */
/*
 * request.c - slot 0 offers a service, and answers for ever; each other slot sends one request.
 */
#include "transport.h"

#include <ivsh/node.h>

#include <stdio.h>

#define PORT 40u
#define PATIENCE_NS UINT64_C(20000000000)

static int serve(struct ivsh_node *node)
{
	struct ivsh_node_message m;
	char text[64];
	int error = ivsh_node_offer(node, "length", PORT);

	while (!error) {
		error = ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER);
		if (error == IVSH_ENOSPC) { /* it is larger than text */
			ivsh_node_drop(node, &m);
			error = 0;
		} else if (!error && m.request) {
			error = ivsh_node_reply(node, &m, &m.size, sizeof(m.size), PATIENCE_NS);
			if (error == IVSH_EAGAIN || error == IVSH_EPEER)
				error = 0; /* who asked takes no reply, or is gone */
		}
	}
	return 1;
}

static int ask(struct ivsh_node *node)
{
	uint32_t length;
	struct ivsh_call call = {.data = "how long?", .size = 9, .buffer = &length, .capacity = 4};

	if (ivsh_node_find_service(node, "length", &call.peer, &call.port, IVSH_FOREVER) ||
	    ivsh_node_call(node, &call, PATIENCE_NS))
		return 1;
	printf("peer %u answers %u\n", (unsigned)call.peer, (unsigned)length);
	return 0;
}

int main(void)
{
	static uint8_t block[IVSH_NODE_MEMORY];
	const struct ivsh_mem *mem = transport_open();
	struct ivsh_node *node;

	if (!mem || ivsh_node_open(&node, block, sizeof(block), mem, NULL))
		return 1;
	return node->self == 0 ? serve(node) : ask(node);
}
