/* SPDX-License-Identifier: MIT */
/*
 * drop.c - dropping a message that is too large for the application.
 *
 * ivsh_node_receive() has answered IVSH_ENOSPC for it: so it is the first one of the inbox, or, if
 * that is empty, the one that is held in its peer's ring.
 */
#include "node/inside.h"

/* The peek answers the message that is held, with the header that was copied before. */
static bool drop_held(struct ivsh_node *node, uint32_t peer)
{
	struct ivsh_chan *ch = &node->chans[peer];
	struct ivsh_message in;

	ivsh_node_hold(node, peer, false);
	return ivsh_chan_peek(ch, &in) == 0 && ivsh_chan_release(ch) == 0;
}

void ivsh_node_drop(struct ivsh_node *node, const struct ivsh_node_message *message)
{
	if (node->inbox_first != node->inbox_end) {
		ivsh_node_inbox_skip(node);
		node->dropped++;
	} else if (message->peer < node->slots && node->links[message->peer].held) {
		node->dropped += drop_held(node, message->peer);
	}
}
