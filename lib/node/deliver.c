/* SPDX-License-Identifier: MIT */
/*
 * deliver.c - receiving from any peer.
 *
 * Theory of operation: messages are taken from three places, the oldest first: the inbox, where a
 * call or a stream has put what stood in its way; channels whose next message is peeked and held,
 * for the same reason or since the buffer was too small; and the rings, by ivsh_region_next(). What
 * is for a stream or a call is dispatched on the way.
 */
#include "node/inside.h"

/* So many messages come from one channel before others are looked at, if nothing forbids it. */
#define TURNS 15u

/* So many messages for others are dispatched in one look. */
#define DISPATCH_MOST 64u

/* The request that is peeked on (ch) goes to (buffer). */
static int request_deliver(struct ivsh_chan *ch, const struct ivsh_message *in,
    const struct ivsh_wire_call *call, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity)
{
	message->data = buffer;
	message->size = in->size - (uint32_t)sizeof(*call);
	message->port = call->port;
	message->flags = in->flags;
	message->peer = ch->peer;
	message->request = call->id;
	if (message->size > capacity)
		return IVSH_ENOSPC;
	if (message->size)
		__builtin_memcpy(buffer, (const uint8_t *)in->data + sizeof(*call), message->size);
	return ivsh_chan_release(ch);
}

static int plain_deliver(
    struct ivsh_chan *ch, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	message->peer = ch->peer;
	message->request = 0;
	return ivsh_chan_receive(ch, &message->message, buffer, capacity);
}

/* The first channel with a message that is held. */
static int held_next(struct ivsh_node *node, struct ivsh_chan **ch, struct ivsh_message *in)
{
	for (uint32_t i = 0; i < node->slots; i++) {
		if (!node->links[i].held)
			continue;
		ivsh_node_hold(node, i, false);
		*ch = &node->chans[i];
		return ivsh_chan_peek(*ch, in);
	}
	return ivsh_region_next(&node->region, ch, in);
}

static int look(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	for (uint32_t left = DISPATCH_MOST; left != 0; left--) {
		enum dispatched kind;
		struct ivsh_wire_call call;
		struct ivsh_message in;
		struct ivsh_chan *ch;
		bool held = node->held != 0;
		int error;

		if (node->inbox_first != node->inbox_end)
			return ivsh_node_inbox_take(node, message, buffer, capacity);
		error = held_next(node, &ch, &in);
		/* A reset has taken it. */
		if (error == IVSH_EAGAIN && held)
			continue;
		if (error == IVSH_EPROTO) {
			if (ivsh_node_mend(node, ch->peer) == IVSH_ELOST)
				return IVSH_ELOST;
			continue;
		}
		if (error)
			return error;
		kind = ivsh_node_dispatch(node, ch, &in, &call);
		if (kind == DISPATCHED)
			continue;
		error = kind == DISPATCHED_REQUEST
			    ? request_deliver(ch, &in, &call, message, buffer, capacity)
			    : plain_deliver(ch, message, buffer, capacity);
		if (error == IVSH_ENOSPC)
			ivsh_node_hold(node, ch->peer, true);
		if (!error && !node->streams && !node->held) {
			node->near = ch;
			node->turns = TURNS;
		}
		return error;
	}
	return IVSH_EAGAIN;
}

/*
 * What came of ivsh_node_receive()'s own look at the near channel. IVSH_EAGAIN: the caller looks at
 * the others.
 */
static int near_done(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, int error)
{
	uint32_t peer = node->near ? node->near->peer : node->self;
	uint32_t size = message->size;
	struct ivsh_wire_call call;

	switch (error) {
	case 0: /* a message of a call is in the buffer */
		message->peer = peer;
		if (size < sizeof(call)) {
			node->dropped++;
			return IVSH_EAGAIN;
		}
		call = call_read(buffer);
		message->size = size -= (uint32_t)sizeof(call);
		if (ivsh_node_call_take(
			node, peer, &call, (const uint8_t *)buffer + sizeof(call), size))
			return IVSH_EAGAIN;
		__builtin_memmove(buffer, (const uint8_t *)buffer + sizeof(call), size);
		message->port = call.port;
		message->request = call.id;
		return 0;
	case IVSH_EPROTO:
		return ivsh_node_mend(node, peer) == IVSH_ELOST ? IVSH_ELOST : IVSH_EAGAIN;
	case IVSH_ENOSPC: /* of a call the header is not copied: it may fit all the same */
		ivsh_node_hold(node, peer, true);
		return IVSH_EAGAIN;
	default:
		return error;
	}
}

int ivsh_node_receive_slow(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns, int error)
{
	struct limit limit = limit_begin(node, timeout_ns);

	error = near_done(node, message, buffer, error);
	while (error == IVSH_EAGAIN) {
		error = look(node, message, buffer, capacity);
		if (error != IVSH_EAGAIN)
			break;
		error = ivsh_node_idle(node,
		    IVSH_EVENT_MESSAGE | IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN, &limit,
		    IVSH_FOREVER);
		if (error)
			return error;
		error = IVSH_EAGAIN;
	}
	return error;
}
