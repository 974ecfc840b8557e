/* SPDX-License-Identifier: MIT */
/*
 * post.c - sending when there is no room at once.
 */
#include "node/inside.h"

/*
 * Reset a channel that broke in a send. A hostile peer can break it again each time, and seem to be
 * a new incarnation: that prolongs no call.
 */
static int mend_once(struct ivsh_node *node, uint32_t peer, struct limit *limit)
{
	int error = ivsh_node_mend(node, peer);

	if (error || ++limit->mends == 1)
		return error;
	if (limit->mends > IVSH_NODE_RESETS)
		return IVSH_EPROTO;
	return limit_left(node, limit) ? 0 : IVSH_EAGAIN;
}

int ivsh_node_make_room(struct ivsh_node *node, uint32_t peer, int error, struct limit *limit)
{
	if (error == IVSH_EAGAIN)
		return ivsh_node_idle(node, IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN,
		    &node->chans[peer], limit, IVSH_FOREVER);
	/* After a reset the ring is as if full, until the peer has followed. */
	if (error == IVSH_EPROTO)
		return mend_once(node, peer, limit);
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
