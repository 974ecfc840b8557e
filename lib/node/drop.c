/* SPDX-License-Identifier: MIT */
/*
 * drop.c - dropping a message that is too large for the application.
 *
 * ivsh_node_receive() has answered IVSH_ENOSPC for it: so it is the first one of the inbox, or, if
 * that is empty, the one that is held in its peer's ring.
 */
#include "node/inside.h"

void ivsh_node_drop(struct ivsh_node *node, const struct ivsh_node_message *message)
{
	if (node->inbox_first != node->inbox_end) {
		ivsh_node_inbox_skip(node);
		node->dropped++;
	} else if (message->peer < node->slots && node->links[message->peer].held) {
		ivsh_node_hold(node, message->peer, false);
		/* It is peeked since, unless a reset has taken it. */
		node->dropped += ivsh_chan_release(&node->chans[message->peer]) == 0;
	}
}
