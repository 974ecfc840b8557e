/* SPDX-License-Identifier: MIT */
/*
 * stream.c - slot 0 prints what slot 1 reads from its standard input, to the end.
 */
#include "transport.h"

#include <ivsh/node.h>

#include <stdio.h>

#define PORT 50u

int main(void)
{
	static uint8_t block[IVSH_NODE_MEMORY], buffer[16384];
	const struct ivsh_mem *mem = transport_open();
	struct ivsh_node_stream stream;
	struct ivsh_node *node;
	uint32_t size = 0;
	char bytes[1024];
	int error;

	if (!mem || ivsh_node_open(&node, block, sizeof(block), mem, NULL))
		return 1;
	error = ivsh_node_stream_open(node, &stream, 1 - node->self, PORT, buffer, sizeof(buffer));
	if (node->self == 1) {
		while (!error && (size = (uint32_t)fread(bytes, 1, sizeof(bytes), stdin)) != 0)
			error = ivsh_node_stream_write(&stream, bytes, size, NULL, IVSH_FOREVER);
		return error || ivsh_node_stream_finish(&stream, IVSH_FOREVER);
	}
	while (
	    !error &&
	    !(error = ivsh_node_stream_read(&stream, bytes, sizeof(bytes), &size, IVSH_FOREVER)) &&
	    size != 0)
		fwrite(bytes, 1, size, stdout);
	return error != 0;
}
