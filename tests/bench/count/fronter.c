/* SPDX-License-Identifier: MIT */
/*
 * fronter.c - the least program on the front door, which finds the device by itself: it is linked
 * and measured, but never started. As poller.c.
 */
#include <ivsh/ivsh.h>

int serve_forever(const struct ivsh_platform *platform, void *buffer, uint32_t size);

int serve_forever(const struct ivsh_platform *platform, void *buffer, uint32_t size)
{
	static struct ivsh_device device;
	static uint8_t block[IVSH_NODE_MEMORY];
	struct ivsh_node_options options = {.name = "front"};
	struct ivsh_node_message message;
	struct ivsh_node *node;
	struct ivsh_mem mem;
	int error = ivsh_device_open_any(&device, platform, 0, &mem);

	if (!error)
		error = ivsh_node_open(&node, block, sizeof(block), &mem, &options);
	while (!error) {
		error = ivsh_node_receive(node, &message, buffer, size, IVSH_FOREVER);
		if (!error)
			error = ivsh_node_send(
			    node, message.peer, message.port, buffer, message.size, IVSH_FOREVER);
	}
	return error;
}
