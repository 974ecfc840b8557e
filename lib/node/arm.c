/* SPDX-License-Identifier: MIT */
/*
 * arm.c - requesting notifications for a sleep that is the program's own.
 */
#include "node/inside.h"

int ivsh_node_arm(struct ivsh_node *node, uint32_t wanted, uint64_t *most_ns, uint32_t *events)
{
	uint32_t more = 0;
	int error;

	if (wanted == 0)
		wanted = UINT32_MAX;
	*most_ns = 0;
	/* The last requests were answered, or the program did not sleep. */
	ivsh_region_disarm(&node->region);
	error = ivsh_node_wait(node, 0, events);
	if (error || (*events & wanted))
		return error;
	*most_ns = ivsh_region_arm(&node->region, &node->wait);
	error = ivsh_node_wait(node, 0, &more);
	*events |= more;
	if (error || (*events & wanted)) {
		ivsh_region_disarm(&node->region);
		*most_ns = 0;
	}
	return error;
}
