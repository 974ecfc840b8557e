/* SPDX-License-Identifier: MIT */
/*
 * part.c - the parts of a split region that were not used when the node was opened.
 *
 * A part may be formatted, and its peer start, long after this node. Whoever sends to that slot
 * looks for the part then. A node that only receives must look by itself: a closed channel is among
 * those that neither a wait nor a receive polls, and no notification from there ends its sleep. All
 * looks together cost one access of each unused part for each slot in question, every
 * IVSH_NODE_LOOK_NS.
 */
#include "node/inside.h"

void ivsh_node_parts_count(struct ivsh_node *node)
{
	const struct ivsh_mem *mem = &node->region.mem;

	node->parts_out = 0;
	for (uint32_t i = 0; mem->split && i < mem->part_count; i++)
		node->parts_out += mem->parts[i].found == IVSH_SELF_NONE;
}

int ivsh_node_part(struct ivsh_node *node, uint32_t peer)
{
	uint32_t descs = node->region.geometry.descs, i = peer - (peer > node->self);
	struct ivsh_record *records = (struct ivsh_record *)(node->links + node->slots);
	int error = ivsh_chan_open_one_way(&node->chans[peer], &node->region, peer,
	    records + (size_t)i * descs, descs, node->links[peer].one_way);

	if (node->chans[peer].open)
		ivsh_node_parts_count(node);
	return error;
}

bool ivsh_node_parts_look(struct ivsh_node *node)
{
	uint64_t now = ivsh_node_now(node);
	uint32_t left = IVSH_NODE_LOOK_SLOTS, before = node->parts_out;

	if (now - node->look_ns < IVSH_NODE_LOOK_NS)
		return false;
	node->look_ns = now;
	for (uint32_t i = 0; i < node->slots && left != 0; i++) {
		node->look = node->look + 1 < node->slots ? node->look + 1 : 0;
		if (node->look == node->self || node->chans[node->look].open)
			continue;
		left--;
		if (ivsh_node_part(node, node->look)) {
			/* Not yet; or the slot is lost, which the next call answers. */
		}
	}
	if (node->parts_out == before)
		return false;
	/* What ends a wait inside a call, ivsh_node_wait() reports, too. */
	node->seen |= IVSH_EVENT_CONTROL;
	return true;
}

int ivsh_node_parts_wait(
    struct ivsh_node *node, const struct ivsh_wait *wait, uint64_t timeout_ns, uint32_t *events)
{
	struct limit limit = limit_begin(node, timeout_ns);

	for (;;) {
		uint64_t left = limit_left(node, &limit);
		bool is_last = left <= IVSH_NODE_LOOK_NS;
		int error = ivsh_region_wait(
		    &node->region, wait, is_last ? left : IVSH_NODE_LOOK_NS, events);

		if (error || ivsh_node_parts_look(node) || *events || is_last)
			return error;
	}
}
