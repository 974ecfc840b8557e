/* SPDX-License-Identifier: MIT */
/*
 * log.c - a node's log.
 */
#include "node/inside.h"

#include <ivsh/log.h>

int ivsh_node_log(struct ivsh_node *node, const void *bytes, uint32_t size)
{
	int error = node->log.line ? 0 : ivsh_log_open(&node->log, &node->region);

	return error ? error : ivsh_log_write(&node->log, bytes, size);
}
