/* SPDX-License-Identifier: MIT */
/*
 * connect.c - how a connection begins: the request, and what the acceptor makes of it. SPEC R16.2.
 */
#include "node/connect.h"

#include "node/inside.h"

/* A connector tries so many ports that its peer has in use. */
#define TRIES 16u

/* An acceptor waits so long for the connector to join. SPEC R16.3.4. */
#define ACCEPT_NS UINT64_C(5000000000)

/* --- The connector -------------------------------------------------------------------------- */

/* The next port to (peer) that is free here; 0: there is none. */
static uint16_t port_choose(struct ivsh_conns *all, uint32_t peer)
{
	struct ivsh_node *node = all->node;
	uint32_t first = node->self < peer ? IVSH_WIRE_CONNECT_PORTS : IVSH_WIRE_CONNECT_PORTS_HIGH;

	for (uint32_t i = 0; i < IVSH_WIRE_CONNECT_PAIRS; i++) {
		uint16_t port = (uint16_t)(first + 2 * (all->next++ % IVSH_WIRE_CONNECT_PAIRS));

		if (!ivsh_conn_is_used(node, peer, port))
			return port;
	}
	return 0;
}

/* Open our end on a free port, and prepare the request. */
static int try_begin(struct ivsh_conn *c)
{
	uint16_t port = port_choose(c->all, c->peer);
	int error;

	if (port == 0)
		return IVSH_EBUSY;
	/* SPEC R16.2.1: before the request, so that the acceptor's HELLO finds it. */
	error = ivsh_node_stream_open(c->all->node, &c->stream, c->peer, port, c->buffer, c->size);
	if (error)
		return error;
	c->ask = (struct ivsh_wire_connect){.magic = IVSH_WIRE_CONNECT_MAGIC, .port = port};
	c->call = (struct ivsh_call){
	    .peer = c->peer,
	    .port = c->service,
	    .data = &c->ask,
	    .size = sizeof(c->ask),
	    .buffer = &c->answer,
	    .capacity = sizeof(c->answer),
	};
	c->state = IVSH_CONN_OPENING;
	return 0;
}

int ivsh_conn_open(struct ivsh_conns *all, struct ivsh_conn *c, uint32_t peer, uint16_t port,
    void *buffer, uint32_t size)
{
	__builtin_memset(c, 0, sizeof(*c));
	if (!is_peer(all->node, peer))
		return IVSH_EINVAL;
	c->all = all;
	c->peer = peer;
	c->service = port;
	c->buffer = buffer;
	c->size = size;
	return try_begin(c);
}

/* The reply is there. SPEC R16.4. */
static int answer_take(struct ivsh_conn *c)
{
	const struct ivsh_wire_connect *a = &c->answer;
	const struct ivsh_stream *s = &c->stream.stream;

	if (c->call.got != sizeof(*a) || a->magic != IVSH_WIRE_CONNECT_MAGIC ||
	    a->port != c->ask.port)
		return IVSH_EPROTO;
	switch (a->status) {
	case IVSH_WIRE_CONNECT_ACCEPTED:
		/* SPEC R16.4.2. One that has ended since still has bytes to read. */
		if (!s->joined)
			return s->error ? s->error : IVSH_EPROTO;
		c->state = IVSH_CONN_ESTABLISHED;
		return 0;
	case IVSH_WIRE_CONNECT_IN_USE:
		if (++c->tries == TRIES)
			return IVSH_EBUSY;
		ivsh_conn_close(c);
		return try_begin(c) ? IVSH_EBUSY : IVSH_EAGAIN;
	case IVSH_WIRE_CONNECT_FULL:
		return IVSH_EBUSY;
	case IVSH_WIRE_CONNECT_REFUSED:
		return IVSH_ENODEV;
	default:
		return IVSH_EPROTO;
	}
}

static int opening_poll(struct ivsh_conn *c)
{
	int error = ivsh_node_call_poll(c->all->node, &c->call);

	/* A reply of another size is none of ours. */
	if (error == IVSH_ENOSPC)
		return IVSH_EPROTO;
	return error ? error : answer_take(c);
}

/* --- The acceptor --------------------------------------------------------------------------- */

/* A private copy of the request's bytes. False: it is no request for a connection. */
static bool request_read(const struct ivsh_node_message *request, struct ivsh_wire_connect *ask)
{
	if (request->request == 0 || request->size != sizeof(*ask))
		return false;
	__builtin_memcpy(ask, request->data, sizeof(*ask));
	return ask->magic == IVSH_WIRE_CONNECT_MAGIC && ask->status == 0;
}

static int answer_send(struct ivsh_node *node, const struct ivsh_node_message *request,
    const struct ivsh_wire_connect *ask, uint16_t status)
{
	struct ivsh_wire_connect answer = *ask;

	answer.status = status;
	return ivsh_node_reply(node, request, &answer, sizeof(answer), 0);
}

int ivsh_conn_refuse(
    struct ivsh_node *node, const struct ivsh_node_message *request, uint16_t status)
{
	struct ivsh_wire_connect ask;

	return request_read(request, &ask) ? answer_send(node, request, &ask, status) : IVSH_EINVAL;
}

/* The other side waits for this reply: where the ring has no room, it waits until its time is over.
 */
static int refused(struct ivsh_node *node, const struct ivsh_node_message *request,
    const struct ivsh_wire_connect *ask, uint16_t status, int error)
{
	int sent = answer_send(node, request, ask, status);

	return is_lost(sent) ? sent : error;
}

HIDDEN uint32_t ivsh_slot_named(const struct ivsh_region *region, uint32_t slot);
HIDDEN uint32_t ivsh_slot_origin(const struct ivsh_region *region, uint32_t slot);

/* Whether the incarnation that numbered the request is the one that is there. SPEC R14.1. */
static bool is_present(struct ivsh_node *node, uint32_t slot, uint64_t request)
{
	const struct ivsh_peer *peer = ivsh_node_peer(node, slot);

	return peer && peer->presence == IVSH_PEER_ATTACHED &&
	       ivsh_slot_named(&node->region, slot) == (uint32_t)(request >> 32);
}

/* Whether the connector may have chosen this port. One of another region has compared the slots
 * that the two have there. SPEC R16.3.2. */
static bool is_port(const struct ivsh_node *node, uint32_t peer, uint16_t port)
{
	return ivsh_conn_is_port(peer, node->self, port) ||
	       (ivsh_slot_origin(&node->region, peer) != 0 &&
		   ivsh_conn_is_port(node->self, peer, port));
}

int ivsh_conn_accept(struct ivsh_conns *all, struct ivsh_conn *c,
    const struct ivsh_node_message *request, void *buffer, uint32_t size)
{
	struct ivsh_node *node = all->node;
	int error;

	__builtin_memset(c, 0, sizeof(*c));
	if (!is_peer(node, request->peer) || !request_read(request, &c->ask))
		return IVSH_EINVAL;
	/* SPEC R16.3.1. */
	if (!is_present(node, request->peer, request->request))
		return IVSH_EPEER;
	/* SPEC R16.3.2. */
	if (!is_port(node, request->peer, c->ask.port))
		return refused(node, request, &c->ask, IVSH_WIRE_CONNECT_REFUSED, IVSH_EPROTO);
	if (ivsh_conn_is_used(node, request->peer, c->ask.port))
		return refused(node, request, &c->ask, IVSH_WIRE_CONNECT_IN_USE, IVSH_EBUSY);
	error = ivsh_node_stream_open(node, &c->stream, request->peer, c->ask.port, buffer, size);
	if (error)
		return refused(node, request, &c->ask, IVSH_WIRE_CONNECT_FULL, error);
	c->all = all;
	c->peer = request->peer;
	c->service = request->port;
	c->request = request->request;
	c->begun_ns = ivsh_node_now(node);
	c->state = IVSH_CONN_ACCEPTING;
	return 0;
}

static int accepting_poll(struct ivsh_conn *c)
{
	struct ivsh_node *node = c->all->node;
	const struct ivsh_stream *s = &c->stream.stream;
	struct ivsh_node_message request = {.peer = c->peer, .request = c->request};
	int error = ivsh_node_pump(node, NULL);

	if (error)
		return error;
	if (s->error)
		return s->error;
	/* SPEC R16.3.4. */
	if (!is_present(node, c->peer, c->request) ||
	    (s->joined && s->peer_incarnation != (uint32_t)(c->request >> 32)) ||
	    ivsh_node_now(node) - c->begun_ns > ACCEPT_NS)
		return IVSH_EPEER;
	/* SPEC R16.3.3: the connector has to have our CREDIT by then. */
	if (!s->joined || s->hello || s->rx.owed)
		return IVSH_EAGAIN;
	request.port = c->service;
	error = answer_send(node, &request, &c->ask, IVSH_WIRE_CONNECT_ACCEPTED);
	if (!error)
		c->state = IVSH_CONN_ESTABLISHED;
	return error;
}

int ivsh_conn_poll(struct ivsh_conn *c)
{
	int error;

	if (c->state == IVSH_CONN_ESTABLISHED)
		return 0;
	if (c->state == IVSH_CONN_CLOSED)
		return IVSH_EPEER;
	error = c->state == IVSH_CONN_OPENING ? opening_poll(c) : accepting_poll(c);
	if (error && error != IVSH_EAGAIN)
		ivsh_conn_close(c);
	return error;
}
