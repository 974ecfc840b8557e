/* SPDX-License-Identifier: MIT */
/*
 * connection.h - any number of streams at once to a service, as a socket has connections.
 *
 * A stream takes two ports, on which both sides open it. A connection is a stream on ports that the
 * two sides agree on: one side connects to the port of a service, and the other side accepts. 8191
 * connections fit between two peers in each direction.
 *
 * The side that offers the service, the acceptor:
 *
 *	ivsh_conns_begin(&all, node);
 *	error = ivsh_node_offer(node, "console", 40);
 *	...
 *	error = ivsh_node_receive(node, &m, buffer, sizeof(buffer), 0);
 *	if (!error && m.request && m.port == 40)
 *		error = ivsh_conn_accept(&all, &c, &m, bytes, sizeof(bytes));
 *
 * The side that connects:
 *
 *	ivsh_conns_begin(&all, node);
 *	error = ivsh_conn_open(&all, &c, peer, port, bytes, sizeof(bytes));
 *	if (!error)
 *		error = ivsh_conn_wait(&c, IVSH_FOREVER);
 *
 * Then both write to, read from and finish &c.stream by the calls of <ivsh/node.h>. A program that
 * has many connections calls ivsh_conn_poll() on those that are not established yet, and
 * ivsh_node_receive() in each round: it takes what comes for all of them.
 *
 * Only the thread that owns the node makes these calls. Each that answers an int can answer the
 * errors of ivsh_node_stream_open(), besides those in its own comment. SPEC 16.
 */
#ifndef IVSH_CONNECTION_H
#define IVSH_CONNECTION_H

#include <ivsh/node.h>
#include <ivsh/wire.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All connections of a node. The caller's memory, for the library's use. */
struct ivsh_conns {
	struct ivsh_node *node;
	struct ivsh_node_stream none; /* is of no channel: the node looks for streams from now on */
	uint32_t next;                /* pair of ports */
};

/* How far a connection is. */
enum ivsh_conn_state {
	IVSH_CONN_CLOSED = 0,
	IVSH_CONN_OPENING = 1,
	IVSH_CONN_ACCEPTING = 2,
	IVSH_CONN_ESTABLISHED = 3,
};

/* A connection. The caller's memory, for the library's use but for the fields marked. */
struct ivsh_conn {
	struct ivsh_node_stream stream; /* for ivsh_node_stream_write(), _read() and _finish() */
	uint32_t peer;                  /* readable: the slot of the other side */
	enum ivsh_conn_state state;     /* readable */
	struct ivsh_conns *all;
	void *buffer;
	uint32_t size;
	uint16_t service; /* the port of the service */
	uint16_t tries;
	uint64_t request;  /* accepting: its number */
	uint64_t begun_ns; /* accepting */
	struct ivsh_call call;
	struct ivsh_wire_connect ask, answer;
};

/*
 * Begin to use connections on (node), before the service is offered, or the first one is opened.
 * From here on the node drops messages on ports from IVSH_WIRE_CONNECT_PORTS on that no stream
 * takes: they are of connections that have ended. (all) must stay until ivsh_conns_end().
 */
void ivsh_conns_begin(struct ivsh_conns *all, struct ivsh_node *node);

/* End that, before ivsh_node_close(). The caller has closed all connections. */
void ivsh_conns_end(struct ivsh_conns *all);

/*
 * Begin to connect to the service on port (port) of slot (peer). (c) must not move, and (buffer)
 * must stay valid, until ivsh_conn_close(). buffer, size: as ivsh_node_stream_open().
 * ivsh_conn_poll() says when the connection is there. Does not block.
 *
 * IVSH_EINVAL  (peer) is this node or no slot; or size is wrong.
 * IVSH_EBUSY   all ports to this peer are in use: close another connection first.
 */
int ivsh_conn_open(struct ivsh_conns *all, struct ivsh_conn *c, uint32_t peer, uint16_t port,
    void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Begin to accept (request), as ivsh_node_receive() answered it on a port of a service, its bytes
 * still in request->data. Else as ivsh_conn_open(). After an error nothing is open, and a
 * reply was sent where the other side waits for one.
 *
 * IVSH_EINVAL  this is no request for a connection: it is the application's. No reply was sent.
 * IVSH_EPEER   it is from an incarnation that has ended: ignore it.
 * IVSH_EBUSY   the port is in use here: the other side tries another one.
 * IVSH_EPROTO  the other side may not use this port.
 */
int ivsh_conn_accept(struct ivsh_conns *all, struct ivsh_conn *c,
    const struct ivsh_node_message *request, void *buffer, uint32_t size) IVSH_MUST_CHECK;

/*
 * Refuse (request) instead, with (status): IVSH_WIRE_CONNECT_FULL or IVSH_WIRE_CONNECT_REFUSED.
 *
 * IVSH_EINVAL  this is no request for a connection.
 * IVSH_EAGAIN  the ring is full: call again, or let the other side wait until its time is over.
 */
int ivsh_conn_refuse(struct ivsh_node *node, const struct ivsh_node_message *request,
    uint16_t status) IVSH_MUST_CHECK;

/*
 * Go on with a connection that is not established yet. 0: it is. After another error than
 * IVSH_EAGAIN it is closed. An accepting side gives up after 5 s; an opening side chooses its time,
 * and receives meanwhile: a message before the reply holds the reply up.
 *
 * IVSH_EAGAIN  not yet.
 * IVSH_EBUSY   the other side has no room for one more: try again later.
 * IVSH_ENODEV  the other side refuses: it has no such service.
 * IVSH_EPEER   the other side left, died, started again, or gave up.
 * IVSH_EPROTO  its answer breaks SPEC 16.
 */
int ivsh_conn_poll(struct ivsh_conn *c) IVSH_MUST_CHECK;

/*
 * The same, waiting up to timeout_ns. The node keeps messages that the same peer sent before its
 * reply in the inbox, for ivsh_node_receive(). IVSH_EAGAIN: not in this time; the caller goes on,
 * or closes the connection.
 */
int ivsh_conn_wait(struct ivsh_conn *c, uint64_t timeout_ns) IVSH_MUST_CHECK;

/*
 * What its stream can do without taking a message from a ring: IVSH_EVENT_MESSAGE: a read answers
 * bytes, the end or an error; IVSH_EVENT_SPACE: the peer has room for bytes. Another stream's call
 * takes the messages of all, so a program that has several asks this before it sleeps.
 */
uint32_t ivsh_conn_events(const struct ivsh_conn *c);

/*
 * Leave the connection, as ivsh_node_stream_close(). A (c) that is all zero, or closed, is allowed.
 */
void ivsh_conn_close(struct ivsh_conn *c);

#ifdef __cplusplus
}
#endif
#endif
