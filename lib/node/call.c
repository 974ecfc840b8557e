/* SPDX-License-Identifier: MIT */
/*
 * call.c - requests, and waiting for their replies. SPEC 14.
 */
#include "node/inside.h"

/*
 * Whether the incarnation that the request went to has ended, or seems to have. If the slot had no
 * peer, the request is for the first incarnation that comes.
 */
static bool is_server_gone(struct ivsh_node *node, struct ivsh_call *call)
{
	const struct ivsh_peer *peer = ivsh_node_peer(node, call->peer);

	if (peer->presence != IVSH_PEER_ATTACHED)
		return call->incarnation != 0;
	if (call->incarnation == 0)
		call->incarnation = peer->incarnation;
	return call->incarnation != peer->incarnation;
}

/* Send the request. IVSH_EAGAIN: there is no room yet. */
static int call_begin(struct ivsh_node *node, struct ivsh_call *call)
{
	struct ivsh_wire_call header = {.kind = IVSH_WIRE_CALL_REQUEST, .port = call->port};
	const struct ivsh_peer *peer;
	uint32_t incarnation;
	int error;

	call->got = 0;
	if (!is_peer(node, call->peer))
		return IVSH_EINVAL;
	if (ivsh_chan_one_way(&node->chans[call->peer]) != 0)
		return IVSH_EONEWAY;
	/* Read before the request is sent: an incarnation that takes it and ends at once is the one
	 * that the request went to. */
	peer = ivsh_node_peer(node, call->peer);
	incarnation = peer->presence == IVSH_PEER_ATTACHED ? peer->incarnation : 0;
	/* SPEC R14.1: no other request of this slot has it. Where a bridge keeps a reply for a slot
	 * of a memory that is gone, incarnations began at 1 again: the nonce did not. */
	node->next_call++;
	header.id = (uint64_t)node->region.incarnation << 32 |
		    (uint32_t)((uint32_t)node->region.nonce + node->next_call);
	error = ivsh_node_call_send(node, call->peer, &header, call->data, call->size);
	if (error == IVSH_EPROTO) {
		error = ivsh_node_mend(node, call->peer);
		return error ? error : IVSH_EAGAIN;
	}
	if (error)
		return error;
	call->begun = true;
	call->error = IVSH_EAGAIN;
	call->id = header.id;
	call->incarnation = incarnation;
	call->lost = node->chans[call->peer].lost;
	call->next = node->calls;
	node->calls = call;
	return 0;
}

void ivsh_node_call_end(struct ivsh_node *node, struct ivsh_call *call)
{
	for (struct ivsh_call **at = &node->calls; *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			break;
		}
	call->begun = false;
}

/* Poll once. (inbox): messages that stand before the reply go to the inbox. */
static int call_look(struct ivsh_node *node, struct ivsh_call *call, bool inbox)
{
	struct ivsh_chan *ch = ivsh_node_channel(node, call->peer);
	bool is_gone;
	int error;

	if (!call->begun) {
		error = call_begin(node, call);
		/* Until there is room, a message that comes ends no wait either. */
		if (error == IVSH_EAGAIN) {
			error = ivsh_node_pump(node, inbox ? ch : NULL);
			return error ? error : IVSH_EAGAIN;
		}
		if (error)
			return error;
	}
	/* Checked before the ring is polled: everything that the peer sent before it went is there
	 * by then. */
	is_gone = is_server_gone(node, call);
	error = ivsh_node_pump(node, inbox ? ch : NULL);
	if (call->error != IVSH_EAGAIN)
		return call->error;
	if (error)
		return error;
	return is_gone || ch->dead || ch->lost != call->lost ? IVSH_EPEER : IVSH_EAGAIN;
}

int ivsh_node_call_poll(struct ivsh_node *node, struct ivsh_call *call)
{
	int error = call_look(node, call, false);

	if (error != IVSH_EAGAIN)
		ivsh_node_call_end(node, call);
	return error;
}

int ivsh_node_call(struct ivsh_node *node, struct ivsh_call *call, uint64_t timeout_ns)
{
	struct limit limit = limit_begin(node, timeout_ns);
	struct ivsh_chan *room = ivsh_node_channel(node, call->peer);
	int error;

	if (room)
		room_begin(node, room);
	do {
		if (room)
			room->tx.blocked = false;
		error = call_look(node, call, true);
		if (error != IVSH_EAGAIN)
			break;
		error = ivsh_node_idle(node, NODE_EVENTS, room, &limit, NODE_LOOK_NS);
	} while (!error);
	if (room) {
		/* The call is over: of what it found, only what a stream owes needs room. */
		room->tx.blocked = node->streams && node->links[call->peer].owed;
		room_end(node, room);
	}
	ivsh_node_call_end(node, call);
	return error;
}
