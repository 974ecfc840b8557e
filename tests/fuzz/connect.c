/* SPDX-License-Identifier: MIT */
/*
 * connect.c - a node with connections and a stream, whose peer sends anything: requests, replies,
 * messages of streams that there are or not; and writes anywhere meanwhile. SPEC R9.1, R10.4,
 * R14.1, R16.1 to R16.4.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

#include <ivsh/connection.h>

#include <stdlib.h>
#include <string.h>

#define SERVICE 40u
#define PLAIN 60u /* port of a stream that is no connection */
#define SLOTS 2u
#define CONNS 5u
#define STEPS 300u

/* Bits of what a call may answer besides 0. */
#define BIT(error) (1u << -(error))
#define LOST (BIT(IVSH_ELOST) | BIT(IVSH_EREMOVED))
#define STREAM                                                                      \
	(BIT(IVSH_EAGAIN) | BIT(IVSH_EPEER) | BIT(IVSH_EPROTO) | BIT(IVSH_ENOSPC) | \
	    BIT(IVSH_EONEWAY) | LOST)
#define CONNECT (STREAM | BIT(IVSH_EBUSY) | BIT(IVSH_ENODEV))
#define ACCEPT (STREAM | BIT(IVSH_EINVAL) | BIT(IVSH_EBUSY))

struct used {
	struct ivsh_conn conn;
	uint8_t *buffer; /* of its own, so that a byte beyond it is found */
	bool is_out;
};

static uint8_t block[IVSH_NODE_SIZE(SLOTS, ROOM_DESCS)];
static uint8_t bytes[2048];
static struct ivsh_node *node;
static struct ivsh_conns all;
static struct used used[CONNS];
static struct ivsh_node_stream plain;
static uint8_t plain_bytes[128];
static bool is_plain; /* (plain) is open */
static uint32_t self, other;

/* --- The node under test -------------------------------------------------------------------- */

static int must(uint32_t errors, int error)
{
	FUZZ_MUST(error == 0 || (error > -31 && (errors & BIT(error))));
	return room_answer(error);
}

static void leave(struct used *u)
{
	ivsh_conn_close(&u->conn);
	must(0, 0);
	FUZZ_MUST(u->conn.state == IVSH_CONN_CLOSED);
	free(u->buffer);
	u->buffer = NULL;
}

/* A place that no connection has: its buffer is made. NULL: there is none. */
static struct used *place_find(uint32_t *size)
{
	*size = 64u << feed_byte() % 3;
	for (uint32_t i = 0; i < CONNS; i++)
		if (!used[i].buffer) {
			used[i].buffer = malloc(*size);
			return used[i].buffer ? &used[i] : NULL;
		}
	return NULL;
}

/* SPEC R16.1.1. */
static bool is_port(uint32_t connector, uint32_t acceptor, uint16_t port)
{
	uint16_t first = connector < acceptor ? 0x8000 : 0xc000;

	return port % 2 == 0 && port >= first && port <= first + 0x3ffc;
}

/* Each has ports of its own, from those of its direction. SPEC R16.1.2. */
static void ports_check(void)
{
	for (uint32_t i = 0; i < CONNS; i++) {
		const struct used *u = &used[i];
		uint16_t port = u->conn.stream.stream.port;

		if (!u->buffer || u->conn.state == IVSH_CONN_CLOSED)
			continue;
		FUZZ_MUST(is_port(u->is_out ? self : other, u->is_out ? other : self, port));
		FUZZ_MUST(u->conn.state != IVSH_CONN_ESTABLISHED || u->conn.stream.stream.joined);
		for (uint32_t k = 0; k < i; k++)
			FUZZ_MUST(!used[k].buffer || used[k].conn.state == IVSH_CONN_CLOSED ||
				  used[k].conn.stream.stream.port != port);
	}
}

static void connect_one(void)
{
	uint32_t size;
	struct used *u = place_find(&size);

	if (!u)
		return;
	u->is_out = true;
	if (must(CONNECT, ivsh_conn_open(&all, &u->conn, other, SERVICE, u->buffer, size)))
		leave(u);
}

static void request_take(const struct ivsh_node_message *m)
{
	uint32_t size;
	struct used *u = feed_byte() % 8 ? place_find(&size) : NULL;

	if (!u) {
		must(ACCEPT, ivsh_conn_refuse(node, m, IVSH_WIRE_CONNECT_FULL));
		return;
	}
	u->is_out = false;
	if (must(ACCEPT, ivsh_conn_accept(&all, &u->conn, m, u->buffer, size)))
		leave(u);
}

static void receive(void)
{
	struct ivsh_node_message m;
	uint32_t capacity = feed_byte() & 1 ? sizeof(bytes) : 16;

	if (must(BIT(IVSH_EAGAIN) | BIT(IVSH_ENOSPC) | LOST,
		ivsh_node_receive(node, &m, bytes, capacity, 0)))
		return;
	FUZZ_MUST(m.peer == other && m.size <= capacity);
	if (m.request)
		request_take(&m);
	else
		/* SPEC R16.1.3. */
		FUZZ_MUST(m.port < IVSH_WIRE_CONNECT_PORTS);
}

static void stream_use(struct ivsh_node_stream *stream, uint32_t what)
{
	uint32_t size = (uint32_t)feed_number(2) % sizeof(bytes), done = 0;
	uint64_t timeout = feed_byte() % 16 ? 0 : 100000;

	if (what == 0)
		must(STREAM | (stream->stream.tx.finished ? BIT(IVSH_EINVAL) : 0),
		    ivsh_node_stream_write(stream, bytes, size, &done, timeout));
	else if (what == 1)
		must(STREAM | (size ? 0 : BIT(IVSH_EINVAL)),
		    ivsh_node_stream_read(stream, bytes, size, &done, timeout));
	else
		must(STREAM, ivsh_node_stream_finish(stream, timeout));
	FUZZ_MUST(done <= size);
}

static void plain_use(uint32_t what)
{
	if (what == 3 && is_plain) {
		ivsh_node_stream_close(&plain);
		is_plain = false;
		must(0, 0);
	} else if (what == 3) {
		is_plain = must(STREAM, ivsh_node_stream_open(node, &plain, other, PLAIN,
					    plain_bytes, sizeof(plain_bytes))) == 0;
	} else if (is_plain) {
		stream_use(&plain, what);
	}
}

static void conn_use(struct used *u)
{
	uint32_t what = feed_byte() % 8;

	if (!u->buffer) {
		plain_use(what % 4);
		return;
	}
	if (what < 3) {
		stream_use(&u->conn.stream, what);
	} else if (what == 3) {
		must(CONNECT, ivsh_conn_wait(&u->conn, 100000));
	} else if (what == 4 || u->conn.state == IVSH_CONN_CLOSED) {
		leave(u);
	} else {
		/* A message before a reply holds it up. */
		if (what > 5)
			receive();
		must(CONNECT, ivsh_conn_poll(&u->conn));
	}
}

static void step(void)
{
	struct ivsh_peer_event event;
	uint8_t how = feed_byte();

	switch (how % 8) {
	case 0:
	case 1:
		receive();
		break;
	case 2:
		connect_one();
		break;
	case 3:
		must(BIT(IVSH_EAGAIN) | LOST, ivsh_node_next_event(node, &event, 0));
		break;
	case 4:
		room_pass(feed_number(4));
		break;
	default:
		conn_use(&used[(how >> 3) % CONNS]);
	}
	ports_check();
}

/* --- The peer ------------------------------------------------------------------------------- */

/* A connection that there is, or was: what the peer says is mostly about one. */
static const struct used *about(uint8_t how)
{
	return &used[how % CONNS];
}

static void message_send(struct room_peer *them, uint16_t port, const void *data, uint32_t size)
{
	if (room_answer(ivsh_chan_send(&them->chan, port, data, size))) {
		/* There is no room, or what the room's peer may be answered. */
	}
}

/* A request for a connection, or a reply to one: mostly of the right form. */
static void call_send(struct room_peer *them, bool is_reply)
{
	struct {
		struct ivsh_wire_call call;
		struct ivsh_wire_connect connect;
	} m = {{0}, {.magic = IVSH_WIRE_CONNECT_MAGIC}};
	uint8_t how = feed_byte(), wrong = feed_byte();
	const struct used *u = about(how);
	uint32_t first = other < self ? IVSH_WIRE_CONNECT_PORTS : IVSH_WIRE_CONNECT_PORTS_HIGH;

	m.call.kind = is_reply ? IVSH_WIRE_CALL_REPLY : IVSH_WIRE_CALL_REQUEST;
	m.call.port = SERVICE;
	m.call.id =
	    is_reply ? u->conn.call.id : (uint64_t)them->region.incarnation << 32 | (1 + how % 8);
	m.connect.port = is_reply ? u->conn.ask.port : (uint16_t)(first + 2 * (how % 4));
	m.connect.status = is_reply ? 1 : 0;
	if (wrong & 1)
		m.connect.status = feed_byte() % 6;
	if (wrong & 2)
		m.connect.port = (uint16_t)feed_number(2);
	if ((wrong & 0x0c) == 0x0c)
		m.call.id = feed_number(8);
	if ((wrong & 0x30) == 0x30)
		m.connect.magic ^= feed_byte();
	if ((wrong & 0xc0) == 0xc0)
		m.call.kind = feed_byte() % 4;
	message_send(them, IVSH_PORT_CALL, &m, how & 0x80 ? feed_byte() % 25 : sizeof(m));
}

/* A control message of a stream: mostly with the right numbers. */
static void control_send(struct room_peer *them)
{
	struct ivsh_wire_stream c = {0};
	uint8_t how = feed_byte(), which = feed_byte();
	const struct ivsh_stream *s =
	    which & 0x80 ? &plain.stream : &about(which)->conn.stream.stream;
	uint16_t port = which & 0x40 ? (uint16_t)feed_number(2) : s->port;

	c.kind = how & 7;
	c.from = how & 0x08 ? feed_byte() : 7;
	c.to = how & 0x10 ? feed_byte() : s->self;
	c.value = how & 0x20 ? s->rx.received : (uint32_t)feed_number(4);
	c.incarnation = them->region.incarnation;
	if (c.kind == 0)
		message_send(them, port, bytes, (uint32_t)feed_number(2) % 300);
	else
		message_send(
		    them, (uint16_t)(port + 1), &c, how & 0x40 ? feed_byte() % 25 : sizeof(c));
}

static void other_step(struct room_peer *them, uint8_t how)
{
	if (!them->region.attached || !them->open || how % 4 == 3)
		room_step(them, how & 0x80 ? ROOM_RECEIVE | ROOM_LIVES : ROOM_RECEIVE);
	else if (how % 4 == 2)
		control_send(them);
	else
		call_send(them, how % 4 == 1);
}

/* --- One input ------------------------------------------------------------------------------ */

static bool begin(struct room_peer *them)
{
	struct ivsh_node_options options = {.name = "fuzz", .spin_ns = 1000, .timeout_ns = 1000000};
	struct ivsh_node_message first;
	struct ivsh_mem mem;
	uint8_t how = feed_byte();

	memset(used, 0, sizeof(used));
	memset(&plain, 0, sizeof(plain));
	is_plain = false;
	room_format(SLOTS);
	self = how >> 1 & 1;
	other = 1 - self;
	mem = room_mem(self);
	/* The peer goes on in rings that broke. */
	if (room_attach(them, other, self, 1 | 32) ||
	    room_answer(ivsh_node_open(&node, block, sizeof(block), &mem, &options)))
		return false;
	ivsh_conns_begin(&all, node);
	/* The peer has a stream of its own, which nobody here opens: the first message. */
	must(BIT(IVSH_EAGAIN), ivsh_node_receive(node, &first, bytes, sizeof(bytes), 0));
	room_poke(how & 1);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room_peer them;

	feed_set(data, size);
	if (!begin(&them))
		return 0;
	for (unsigned i = 0; i < STEPS && feed_left() && node->region.attached; i++) {
		uint8_t who = feed_byte();

		if (who & 1)
			step();
		else
			other_step(&them, who >> 1);
	}
	room_poke(false);
	for (uint32_t i = 0; i < CONNS; i++)
		if (used[i].buffer)
			leave(&used[i]);
	if (is_plain)
		ivsh_node_stream_close(&plain);
	ivsh_conns_end(&all);
	/* Nothing of a connection is left. */
	FUZZ_MUST(!node->streams && !node->calls);
	ivsh_node_close(node);
	must(0, 0);
	return 0;
}
