/* SPDX-License-Identifier: MIT */
/*
 * pump.c - taking messages while a call or a stream waits.
 *
 * A ring keeps its order, so the awaited message may stand behind other messages of the same peer:
 * these go to the inbox. Messages of other peers are peeked and held: they stay in their rings, and
 * end no wait.
 */
#include "node/inside.h"

static int inbox_add(struct ivsh_node *node, struct ivsh_chan *ch, enum dispatched kind,
    const struct ivsh_message *in, const struct ivsh_wire_call *call)
{
	struct ivsh_node_message message = {.message = *in, .peer = ch->peer};
	const uint8_t *body = in->data;
	int error;

	if (kind == DISPATCHED_REQUEST) {
		message.size -= (uint32_t)sizeof(*call);
		message.port = call->port;
		message.request = call->id;
		body += sizeof(*call);
	}
	error = ivsh_node_inbox_put(node, &message, body);
	if (error)
		return error;
	error = ivsh_chan_release(ch);
	/* What was copied is not to be used: the machine was moved. */
	if (error)
		ivsh_node_inbox_drop(node, &message);
	return error;
}

static int pump_one(struct ivsh_node *node, struct ivsh_chan *ch, bool is_target)
{
	for (uint32_t i = 0; i <= ch->mask; i++) {
		enum dispatched kind;
		struct ivsh_wire_call call;
		struct ivsh_message in;
		int error = ivsh_chan_peek(ch, &in);

		ivsh_node_hold(node, ch->peer, false);
		if (error == IVSH_EPROTO && !ch->open)
			return 0;
		if (error == IVSH_EPROTO) {
			error = ivsh_node_mend(node, ch->peer);
			return is_lost(error) ? error : 0;
		}
		if (error)
			return error == IVSH_EAGAIN ? 0 : error;
		kind = ivsh_node_dispatch(node, ch, &in, &call);
		if (kind == DISPATCHED)
			continue;
		error = is_target ? inbox_add(node, ch, kind, &in, &call) : IVSH_ENOSPC;
		if (!error)
			continue;
		if (error != IVSH_ENOSPC)
			return error == IVSH_EAGAIN ? 0 : error;
		ivsh_node_hold(node, ch->peer, true);
		return is_target ? error : 0;
	}
	return 0;
}

int ivsh_node_pump(struct ivsh_node *node, const struct ivsh_chan *target)
{
	int first = 0;

	/* This moves read indices, by which ivsh_node_receive() counts the near channel's turn. */
	near_stop(node);
	if (node->streams)
		node->streams_flush(node);
	for (uint32_t i = 0; i < node->slots; i++) {
		struct ivsh_chan *ch = &node->chans[i];
		int error;

		if (i == node->self || ch->rx.closed || (node->links[i].held && ch != target))
			continue;
		error = pump_one(node, ch, ch == target);
		if (error && !first)
			first = error;
	}
	return first;
}
