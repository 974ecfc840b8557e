/* SPDX-License-Identifier: MIT */
/*
 * post.c - sending when there is no room at once.
 */
#include "node/inside.h"

int ivsh_node_make_room(struct ivsh_node *node, uint32_t peer, int error, const struct limit *limit)
{
	if (error == IVSH_EAGAIN)
		return ivsh_node_idle(node, IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN,
		    &node->chans[peer], limit, IVSH_FOREVER);
	/* After a reset the ring is as if full, until the peer has followed. */
	if (error == IVSH_EPROTO)
		return ivsh_node_mend(node, peer);
	return error;
}

int ivsh_node_send_slow(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);

	if (!is_peer(node, peer))
		return IVSH_EINVAL;
	for (;;) {
		int error = ivsh_chan_send(&node->chans[peer], port, data, size);

		if (!error)
			return 0;
		error = ivsh_node_make_room(node, peer, error, &limit);
		if (error)
			return error;
	}
}
