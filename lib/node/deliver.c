/* SPDX-License-Identifier: MIT */
/*
 * deliver.c - receiving from any peer.
 *
 * Theory of operation: messages are taken from three places, the oldest first: the inbox, where a
 * call or a stream has put the messages that stood in its way; channels whose next message is
 * peeked and held, for the same reason or since the buffer was too small; and the rings, in turn.
 * Messages for streams and calls are dispatched on the way. ivsh_node_receive() first takes some
 * messages (NODE_TURNS) from the ring that had the last one, before it calls these functions.
 */
#include "node/inside.h"

/*
 * With more slots than this, ivsh_region_next() finds the next message by its pending hints. With
 * fewer, polling each ring costs less than the hints cost every sender.
 */
#define SCAN_SLOTS 16u

/* At most so many messages for streams and calls are dispatched in one poll. */
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

/* The next channel in turn that may have a message. */
static struct ivsh_chan *turn_next(struct ivsh_node *node)
{
	do
		node->turn = node->turn + 1 < node->slots ? node->turn + 1 : 0;
	while (node->turn == node->self);
	return &node->chans[node->turn];
}

/* Peek at the next message that is held, or else in turn. */
static int peek_next(struct ivsh_node *node, struct ivsh_chan **ch, struct ivsh_message *in)
{
	int error = IVSH_EAGAIN;

	for (uint32_t i = 0; node->held != 0 && i < node->slots; i++) {
		if (!node->links[i].held)
			continue;
		ivsh_node_hold(node, i, false);
		*ch = &node->chans[i];
		error = ivsh_chan_peek(*ch, in);
		if (error != IVSH_EAGAIN) /* else a reset has taken it */
			return error;
	}
	if (node->slots > SCAN_SLOTS)
		return ivsh_region_next(&node->region, ch, in);
	for (uint32_t left = node->slots - 1; left != 0 && error == IVSH_EAGAIN; left--) {
		*ch = turn_next(node);
		if (!node->links[(*ch)->peer].broken && !(*ch)->rx.closed)
			error = ivsh_chan_peek(*ch, in);
	}
	return error;
}

/* A channel broke: reset it, and go on, if the slot is still ours. */
static int broke(struct ivsh_node *node, uint32_t peer)
{
	int error;

	/* One that was never open waits for its part: parts_look(). */
	if (!node->chans[peer].open)
		return IVSH_EAGAIN;
	error = ivsh_node_mend(node, peer);
	return is_lost(error) ? error : IVSH_EAGAIN;
}

/* Peek, find out whom the message is for, and deliver or dispatch it. */
static int look_all(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	for (uint32_t left = DISPATCH_MOST; left != 0; left--) {
		enum dispatched kind;
		struct ivsh_wire_call call;
		struct ivsh_message in;
		struct ivsh_chan *ch;
		int error = peek_next(node, &ch, &in);

		/* A channel that broke does not hide the messages of the others. */
		if (error == IVSH_EPROTO) {
			error = broke(node, ch->peer);
			if (error == IVSH_EAGAIN)
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
		/* It may break between the two calls, too: then nothing is delivered. */
		if (error == IVSH_EPROTO) {
			error = broke(node, ch->peer);
			if (error == IVSH_EAGAIN)
				continue;
		}
		if (error == IVSH_ENOSPC)
			ivsh_node_hold(node, ch->peer, true);
		if (!error && !node->streams && !node->held)
			near_set(node, ch);
		return error;
	}
	return IVSH_EAGAIN;
}

/* Handle (error), the answer of receiving from (ch). IVSH_EAGAIN: nothing for the application. */
static int received(struct ivsh_node *node, const struct ivsh_chan *ch,
    struct ivsh_node_message *message, void *buffer, int error)
{
	uint32_t size = message->size - (uint32_t)sizeof(struct ivsh_wire_call);
	struct ivsh_wire_call call;

	if (error == IVSH_EPROTO)
		return broke(node, ch->peer);
	/* The header of a request is not copied, so the request may fit all the same. */
	if (error == IVSH_ENOSPC)
		ivsh_node_hold(node, ch->peer, true);
	if (error)
		return error == IVSH_ENOSPC ? IVSH_EAGAIN : error;
	message->peer = ch->peer;
	message->request = 0;
	/* SPEC R14.3. */
	if (message->port != IVSH_PORT_CALL || message->size < sizeof(call))
		return 0;
	call = call_read(buffer);
	if (ivsh_node_call_take(
		node, ch->peer, &call, (const uint8_t *)buffer + sizeof(call), size))
		return IVSH_EAGAIN;
	__builtin_memmove(buffer, (const uint8_t *)buffer + sizeof(call), size);
	message->size = size;
	message->port = call.port;
	message->request = call.id;
	return 0;
}

/* Receive from the next channel in turn that has a message. No stream or call takes any. */
static int look_quickly(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	int error = IVSH_EAGAIN;

	for (uint32_t left = node->slots - 1; left != 0 && error == IVSH_EAGAIN; left--) {
		struct ivsh_chan *ch = turn_next(node);

		if (node->links[ch->peer].broken || ch->rx.closed)
			continue;
		error = ivsh_chan_receive(ch, &message->message, buffer, capacity);
		if (error == IVSH_EAGAIN)
			continue;
		if (!error)
			near_set(node, ch);
		error = received(node, ch, message, buffer, error);
	}
	return error;
}

static int poll_once(
    struct ivsh_node *node, struct ivsh_node_message *message, void *buffer, uint32_t capacity)
{
	int error = IVSH_EAGAIN;

	if (node->inbox_first != node->inbox_end)
		return ivsh_node_inbox_take(node, message, buffer, capacity);
	if (!node->streams && node->held == 0 && node->slots <= SCAN_SLOTS)
		error = look_quickly(node, message, buffer, capacity);
	/* A message that did not fit is held now. */
	if (error == IVSH_EAGAIN && (node->streams || node->held != 0 || node->slots > SCAN_SLOTS))
		error = look_all(node, message, buffer, capacity);
	return error;
}

/* Whether any peer can send to this node: else its program would wait for ever. */
static bool is_receiver(const struct ivsh_node *node)
{
	for (uint32_t i = 0; i < node->slots; i++)
		if (i != node->self && !node->chans[i].rx.closed)
			return true;
	return false;
}

int ivsh_node_receive_slow(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns, int error)
{
	struct limit limit = limit_begin(node, timeout_ns);

	/* Here, too: while messages come, the node does not wait. */
	(void)parts_look(node);
	if (error != IVSH_EAGAIN) {
		const struct ivsh_chan *ch = node->near;

		near_check(node);
		error = received(node, ch, message, buffer, error);
	}
	while (error == IVSH_EAGAIN) {
		if (node->streams)
			node->streams_flush(node);
		error = poll_once(node, message, buffer, capacity);
		if (error == IVSH_EAGAIN && !is_receiver(node))
			error = IVSH_EONEWAY;
		if (error != IVSH_EAGAIN)
			break;
		error = ivsh_node_idle(node, NODE_EVENTS, NULL, &limit, IVSH_FOREVER);
		if (error)
			return error;
		error = IVSH_EAGAIN;
	}
	return error;
}
