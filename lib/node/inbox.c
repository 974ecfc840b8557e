/* SPDX-License-Identifier: MIT */
/*
 * inbox.c - messages that came before what a call or a stream waited for.
 *
 * The rest of the node's block: entries one behind the other, each a message and its bytes. The
 * entries that are left move to the front when the end is reached.
 */
#include "node/inside.h"

/* Bytes of an entry. */
static uint32_t entry_size(const struct ivsh_node_message *message)
{
	return (uint32_t)sizeof(*message) + ((message->size + 7u) & ~7u);
}

int ivsh_node_inbox_put(
    struct ivsh_node *node, const struct ivsh_node_message *message, const void *body)
{
	uint32_t used = node->inbox_end - node->inbox_first, size;
	uint8_t *to;

	if (message->size > node->inbox_size)
		return IVSH_ENOSPC;
	size = entry_size(message);
	if (size > node->inbox_size - used)
		return IVSH_ENOSPC;
	if (size > node->inbox_size - node->inbox_end) {
		__builtin_memmove(node->inbox, node->inbox + node->inbox_first, used);
		node->inbox_first = 0;
		node->inbox_end = used;
	}
	to = node->inbox + node->inbox_end;
	__builtin_memcpy(to, message, sizeof(*message));
	if (message->size)
		__builtin_memcpy(to + sizeof(*message), body, message->size);
	node->inbox_end += size;
	near_stop(node);
	return 0;
}

void ivsh_node_inbox_drop(struct ivsh_node *node, const struct ivsh_node_message *message)
{
	node->inbox_end -= entry_size(message);
	if (node->inbox_first == node->inbox_end)
		node->inbox_first = node->inbox_end = 0;
}

/* The first message, of the size that (message) has, is out. */
static void remove_first(struct ivsh_node *node, const struct ivsh_node_message *message)
{
	node->inbox_first += entry_size(message);
	if (node->inbox_first == node->inbox_end)
		node->inbox_first = node->inbox_end = 0;
}

void ivsh_node_inbox_skip(struct ivsh_node *node)
{
	struct ivsh_node_message first;

	__builtin_memcpy(&first, node->inbox + node->inbox_first, sizeof(first));
	remove_first(node, &first);
}

int ivsh_node_inbox_take(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	const uint8_t *from = node->inbox + node->inbox_first;

	__builtin_memcpy(message, from, sizeof(*message));
	message->data = buffer;
	if (message->size > capacity)
		return IVSH_ENOSPC;
	if (message->size)
		__builtin_memcpy(buffer, from + sizeof(*message), message->size);
	remove_first(node, message);
	return 0;
}
