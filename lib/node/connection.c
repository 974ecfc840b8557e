/* SPDX-License-Identifier: MIT */
/*
 * connection.c - what both sides of a connection do: its ports, its end, and what is left of it.
 *
 * Theory of operation: a connection is a stream (SPEC 10) on two ports that the connector chooses.
 * The connector opens its end, and then sends the request. The acceptor opens the other end. Its
 * HELLO finds the connector's, which answers; when the two have joined, the acceptor replies. So a
 * reply that arrives says that both ends know each other, and each side that gives up earlier
 * leaves nothing that the other side waits for without end.
 *
 * Messages of connections that ended may come later. The node drops them: connection_take() stands
 * before the application. A port that is used again needs no pause: the number of a stream, new
 * with each open, keeps old messages from a new stream (R10.3).
 */
#include <ivsh/connection.h>

#include "node/connect.h"
#include "node/inside.h"

/* SPEC R16.1.3: what no stream takes is left over from a connection. */
static bool connection_take(
    struct ivsh_node *node, struct ivsh_chan *ch, const struct ivsh_message *message)
{
	uint16_t port = message->port;

	if (ivsh_node_stream_take(node, ch, message))
		return true;
	if (port < IVSH_WIRE_CONNECT_PORTS)
		return false;
	if (ivsh_chan_release(ch)) {
		/* The slot is lost, which the next call answers. */
	}
	return true;
}

void ivsh_conns_begin(struct ivsh_conns *all, struct ivsh_node *node)
{
	__builtin_memset(all, 0, sizeof(*all));
	all->node = node;
	all->none.node = node;
	all->none.next = node->streams;
	/* An incarnation begins elsewhere than the one before it. */
	all->next = (uint32_t)(node->region.nonce >> 32 ^ node->region.nonce);
	node->streams = &all->none;
	node->stream_take = connection_take;
	node->streams_flush = ivsh_node_streams_flush;
	near_stop(node);
}

void ivsh_conns_end(struct ivsh_conns *all)
{
	for (struct ivsh_node_stream **at = &all->node->streams; *at; at = &(*at)->next)
		if (*at == &all->none) {
			*at = all->none.next;
			break;
		}
	all->node->stream_take = ivsh_node_stream_take;
}

bool ivsh_conn_is_port(uint32_t connector, uint32_t acceptor, uint16_t port)
{
	uint32_t first =
	    connector < acceptor ? IVSH_WIRE_CONNECT_PORTS : IVSH_WIRE_CONNECT_PORTS_HIGH;

	return port >= first && port - first < 2 * IVSH_WIRE_CONNECT_PAIRS && port % 2 == 0;
}

bool ivsh_conn_is_used(const struct ivsh_node *node, uint32_t peer, uint16_t port)
{
	for (const struct ivsh_node_stream *s = node->streams; s; s = s->next)
		/* A stream has the port after its own, too. */
		if (s->stream.chan == &node->chans[peer] && (uint32_t)s->stream.port + 1 >= port &&
		    s->stream.port <= port + 1u)
			return true;
	return false;
}

uint32_t ivsh_conn_events(const struct ivsh_conn *c)
{
	const struct ivsh_stream *s = &c->stream.stream;
	uint32_t events = 0;

	if (c->state == IVSH_CONN_CLOSED)
		return 0;
	if (s->rx.received != s->rx.read || s->rx.ended || s->error)
		events |= IVSH_EVENT_MESSAGE;
	if (s->joined && s->tx.credit != s->tx.sent)
		events |= IVSH_EVENT_SPACE;
	return events;
}

void ivsh_conn_close(struct ivsh_conn *c)
{
	if (c->state == IVSH_CONN_CLOSED)
		return;
	if (c->state == IVSH_CONN_OPENING)
		ivsh_node_call_end(c->all->node, &c->call);
	ivsh_node_stream_close(&c->stream);
	c->state = IVSH_CONN_CLOSED;
}

int ivsh_conn_wait(struct ivsh_conn *c, uint64_t timeout_ns)
{
	struct ivsh_node *node = c->all->node;
	struct ivsh_chan *ch = &node->chans[c->peer];
	struct limit limit = limit_begin(node, timeout_ns);
	int error;

	room_begin(node, ch);
	do {
		ch->tx.blocked = false;
		error = ivsh_node_pump(node, ch);
		if (!error)
			error = ivsh_conn_poll(c);
		if (error != IVSH_EAGAIN)
			break;
		error = ivsh_node_idle(node, NODE_EVENTS, ch, &limit, NODE_LOOK_NS);
	} while (!error);
	room_end(node, ch);
	return error;
}
