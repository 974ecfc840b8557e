/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c - whom a message is for: a stream, a call, or the application.
 */
#include "node/inside.h"

static void reply_take(
    struct ivsh_node *node, struct ivsh_call *call, const void *body, uint32_t size)
{
	call->got = size;
	call->error = size > call->capacity ? IVSH_ENOSPC : 0;
	if (!call->error && size)
		__builtin_memcpy(call->buffer, body, size);
	(void)node;
}

bool ivsh_node_call_take(struct ivsh_node *node, uint32_t peer, const struct ivsh_wire_call *call,
    const void *body, uint32_t size)
{
	if (call->kind == IVSH_WIRE_CALL_REQUEST && call->id != 0)
		return false;
	if (call->kind == IVSH_WIRE_CALL_REPLY) {
		for (struct ivsh_call *c = node->calls; c; c = c->next) {
			if (c->id != call->id || c->peer != peer || c->error != IVSH_EAGAIN)
				continue;
			reply_take(node, c, body, size);
			return true;
		}
	}
	/* SPEC R14.3: it came late, or it breaks the rules. */
	node->dropped++;
	return true;
}

/* Whether a message on IVSH_PORT_CALL is done with; else it is a request, and *call its header. */
static bool call_take(struct ivsh_node *node, uint32_t peer, const struct ivsh_message *message,
    struct ivsh_wire_call *call)
{
	*call = call_read(message->data);
	return ivsh_node_call_take(node, peer, call, (const uint8_t *)message->data + sizeof(*call),
	    message->size - (uint32_t)sizeof(*call));
}

/*
 * The reply that was taken last is not to be used: the slot is lost, or the machine was moved, and
 * what was copied may not be what the peer wrote.
 */
static void reply_void(struct ivsh_node *node, uint32_t peer, uint64_t id)
{
	for (struct ivsh_call *c = node->calls; c; c = c->next)
		if (c->id == id && c->peer == peer) {
			c->error = IVSH_EPEER;
			c->got = 0;
		}
}

enum dispatched ivsh_node_dispatch(struct ivsh_node *node, struct ivsh_chan *ch,
    const struct ivsh_message *message, struct ivsh_wire_call *call)
{
	/* The stream releases it. */
	if (node->stream_take && node->stream_take(node, ch, message))
		return DISPATCHED;
	/* SPEC R14.3. */
	if (message->port != IVSH_PORT_CALL || message->size < sizeof(*call))
		return DISPATCHED_PLAIN;
	if (!call_take(node, ch->peer, message, call))
		return DISPATCHED_REQUEST;
	if (ivsh_chan_release(ch))
		reply_void(node, ch->peer, call->id);
	return DISPATCHED;
}
