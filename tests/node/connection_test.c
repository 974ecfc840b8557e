/* SPDX-License-Identifier: MIT */
/*
 * connection_test.c - many streams to one service: agreeing on ports, ends of all kinds, and peers
 * that lie. SPEC 16.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <ivsh/connection.h>

#include <string.h>

#define MS UINT64_C(1000000)
#define SERVICE 40u
#define MANY 20u

static struct ivsh_conns at[2];
static struct ivsh_conn out[MANY], in[MANY];
static uint8_t out_bytes[MANY][64], in_bytes[MANY][64];
static uint32_t accepted;
static uint16_t refusal; /* 0: accept */

static void open_two(void)
{
	town_reset();
	world.on_sleep = NULL;
	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	accepted = refusal = 0;
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(town_open(i, NULL), 0);
		ivsh_conns_begin(&at[i], town[i]);
	}
}

/* Slot 1 serves: accepts what comes, and goes on with it. */
static void serve(void)
{
	struct ivsh_node_message m;

	while (ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0) == 0) {
		CHECK_EQ(m.port, SERVICE);
		if (refusal) {
			CHECK_EQ(ivsh_conn_refuse(town[1], &m, refusal), 0);
			continue;
		}
		if (ivsh_conn_accept(&at[1], &in[accepted], &m, in_bytes[accepted], 64) == 0)
			accepted++;
	}
	for (uint32_t i = 0; i < accepted; i++)
		if (in[i].state == IVSH_CONN_ACCEPTING && ivsh_conn_poll(&in[i]) != IVSH_EAGAIN)
			CHECK_EQ(in[i].state, IVSH_CONN_ESTABLISHED);
}

/* Connect number (i), with slot 1 serving. The answer. */
static int connect_one(uint32_t i)
{
	int error = ivsh_conn_open(&at[0], &out[i], 1, SERVICE, out_bytes[i], 64);

	for (uint32_t round = 0; !error && round < 100; round++) {
		error = ivsh_conn_poll(&out[i]);
		if (error != IVSH_EAGAIN)
			return error;
		error = 0;
		serve();
	}
	return error ? error : IVSH_EAGAIN;
}

static void talk(struct ivsh_conn *from, struct ivsh_conn *to, uint8_t byte)
{
	uint8_t other = 0;
	uint32_t got = 0;

	CHECK_EQ(ivsh_node_stream_write(&from->stream, &byte, 1, NULL, 0), 0);
	CHECK_EQ(ivsh_node_stream_read(&to->stream, &other, 1, &got, 0), 0);
	CHECK_EQ(got, 1);
	CHECK_EQ(other, byte);
}

/* SPEC R16.1.1, R16.1.2, R16.2.1, R16.3.3: each has ports of its own, and none hears another. */
static void test_many(void)
{
	open_two();
	for (uint32_t i = 0; i < MANY; i++) {
		CHECK_EQ(connect_one(i), 0);
		CHECK_EQ(accepted, i + 1);
		CHECK_EQ(in[i].state, IVSH_CONN_ESTABLISHED);
		CHECK_EQ(in[i].stream.stream.port, out[i].stream.stream.port);
		CHECK(out[i].stream.stream.port >= IVSH_WIRE_CONNECT_PORTS);
		CHECK(out[i].stream.stream.port < IVSH_WIRE_CONNECT_PORTS_HIGH);
		for (uint32_t k = 0; k < i; k++)
			CHECK(out[k].stream.stream.port != out[i].stream.stream.port);
	}
	for (uint32_t i = 0; i < MANY; i++)
		talk(&out[i], &in[i], (uint8_t)(i + 1));
	for (uint32_t i = MANY; i-- > 0;)
		talk(&in[i], &out[i], (uint8_t)(i + 100));
}

/* The other direction takes other ports, at the same time. */
static void test_both_ways(void)
{
	struct ivsh_node_message m;
	static uint8_t a[64], b[64];
	struct ivsh_conn up, down;
	int error = IVSH_EAGAIN;

	open_two();
	CHECK_EQ(connect_one(0), 0);
	CHECK_EQ(ivsh_conn_open(&at[1], &up, 0, 7, a, 64), 0);
	CHECK_EQ(ivsh_conn_poll(&up), IVSH_EAGAIN);
	CHECK(up.stream.stream.port >= IVSH_WIRE_CONNECT_PORTS_HIGH);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0), 0);
	CHECK_EQ(ivsh_conn_accept(&at[0], &down, &m, b, 64), 0);
	for (uint32_t i = 0; i < 10 && error == IVSH_EAGAIN; i++) {
		if (ivsh_conn_poll(&down) == IVSH_EPROTO)
			CHECK(!"accepted");
		error = ivsh_conn_poll(&up);
	}
	CHECK_EQ(error, 0);
	talk(&up, &down, 9);
	talk(&out[0], &in[0], 8);
}

/* SPEC R16.1.3: what comes behind a connection's end reaches no application. */
static void test_late(void)
{
	struct ivsh_node_message m;
	uint16_t port;

	open_two();
	CHECK_EQ(connect_one(0), 0);
	port = out[0].stream.stream.port;
	ivsh_conn_close(&out[0]);
	CHECK_EQ(ivsh_node_send(town[1], 0, port, "late", 4, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, (uint16_t)(port + 1), "later", 5, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 9, "mine", 4, 0), 0);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0), 0);
	CHECK_EQ(m.port, 9);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0), IVSH_EAGAIN);
	/* The other side's end shows it. */
	CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), IVSH_EAGAIN);
	CHECK(ivsh_conn_events(&in[0]) & IVSH_EVENT_MESSAGE);
	CHECK_EQ(in[0].stream.stream.error, IVSH_EPEER);
}

/* SPEC R16.3.2, R16.4.1: a port that the acceptor has in use: another one is tried. */
static void test_in_use(void)
{
	static uint8_t bytes[64];
	struct ivsh_node_stream taken;
	uint16_t port;

	open_two();
	port = (uint16_t)(IVSH_WIRE_CONNECT_PORTS + 2 * (at[0].next % IVSH_WIRE_CONNECT_PAIRS));
	/* The acceptor's has the first port that is tried as its second one. */
	CHECK_EQ(ivsh_node_stream_open(town[1], &taken, 0, (uint16_t)(port - 1), bytes, 64), 0);
	CHECK_EQ(connect_one(0), 0);
	CHECK_EQ(out[0].tries, 1);
	CHECK(out[0].stream.stream.port != port);
	talk(&out[0], &in[0], 1);
}

/* SPEC R16.4.1: both refusals, each with its own answer; nothing stays open. */
static void test_refused(void)
{
	static const struct {
		uint16_t status;
		int error;
	} rows[] = {
	    {IVSH_WIRE_CONNECT_FULL, IVSH_EBUSY},
	    {IVSH_WIRE_CONNECT_REFUSED, IVSH_ENODEV},
	    {77, IVSH_EPROTO},
	};

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_two();
		refusal = rows[i].status;
		CHECK_EQ(connect_one(0), rows[i].error);
		CHECK_EQ(out[0].state, IVSH_CONN_CLOSED);
		CHECK(town[0]->streams == &at[0].none && !at[0].none.next);
	}
}

/* What a lying acceptor answers to a request, and what becomes of the connection. SPEC R16.4.2. */
static void test_lies(void)
{
	static const struct {
		struct ivsh_wire_connect answer;
		uint32_t size;
		uint16_t port; /* added to the right one */
	} rows[] = {
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 8, 0},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 8, 2},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, 0}, 8, 0},
	    {{1, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 8, 0},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 7, 0},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 0, 0},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0, IVSH_WIRE_CONNECT_ACCEPTED}, 9, 0},
	};

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[16] = {0};
		struct ivsh_wire_connect answer = rows[i].answer;
		struct ivsh_node_message m;

		open_two();
		CHECK_EQ(ivsh_conn_open(&at[0], &out[0], 1, SERVICE, out_bytes[0], 64), 0);
		CHECK_EQ(ivsh_conn_poll(&out[0]), IVSH_EAGAIN);
		CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), 0);
		answer.port = (uint16_t)(out[0].ask.port + rows[i].port);
		memcpy(bytes, &answer, sizeof(answer));
		CHECK_EQ(ivsh_node_reply(town[1], &m, bytes, rows[i].size, 0), 0);
		CHECK_EQ(ivsh_conn_poll(&out[0]), IVSH_EPROTO);
		CHECK_EQ(out[0].state, IVSH_CONN_CLOSED);
	}
}

/* What a lying connector requests. SPEC R16.3.2. */
static void test_requests(void)
{
	static const struct {
		struct ivsh_wire_connect ask;
		uint32_t size;
		int error;
	} rows[] = {
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x8001, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x7ffe, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0xbffe, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0xc000, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0xffff, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 3, 0}, 8, IVSH_EPROTO},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x8000, 1}, 8, IVSH_EINVAL},
	    {{IVSH_WIRE_CONNECT_MAGIC ^ 1, 0x8000, 0}, 8, IVSH_EINVAL},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x8000, 0}, 7, IVSH_EINVAL},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x8000, 0}, 0, IVSH_EINVAL},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0x8000, 0}, 8, 0},
	    {{IVSH_WIRE_CONNECT_MAGIC, 0xbffc, 0}, 8, 0},
	};

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_call call = {
		    .peer = 1, .port = SERVICE, .data = &rows[i].ask, .size = rows[i].size};
		struct ivsh_node_message m;

		open_two();
		CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
		CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), 0);
		CHECK_EQ(ivsh_conn_accept(&at[1], &in[0], &m, in_bytes[0], 64), rows[i].error);
		ivsh_node_call_end(town[0], &call);
		ivsh_conn_close(&in[0]);
	}
}

/* SPEC R16.3.1: the request of an incarnation that has ended opens nothing. */
static void test_old_request(void)
{
	struct ivsh_node_message m;

	open_two();
	CHECK_EQ(ivsh_conn_open(&at[0], &out[0], 1, SERVICE, out_bytes[0], 64), 0);
	CHECK_EQ(ivsh_conn_poll(&out[0]), IVSH_EAGAIN);
	town_kill(0);
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), 0);
	CHECK_EQ(ivsh_conn_accept(&at[1], &in[0], &m, in_bytes[0], 64), IVSH_EPEER);
	CHECK(town[1]->streams == &at[1].none && !at[1].none.next);
}

/* SPEC R16.3.4: a connector that never joins, and one that dies before. */
static void test_gone(void)
{
	for (uint32_t dies = 0; dies < 2; dies++) {
		struct ivsh_wire_connect ask = {IVSH_WIRE_CONNECT_MAGIC, 0x8000, 0};
		struct ivsh_call call = {.peer = 1, .port = SERVICE, .data = &ask, .size = 8};
		struct ivsh_node_message m;

		open_two();
		CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
		CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), 0);
		CHECK_EQ(ivsh_conn_accept(&at[1], &in[0], &m, in_bytes[0], 64), 0);
		CHECK_EQ(ivsh_conn_poll(&in[0]), IVSH_EAGAIN);
		if (dies) {
			town_kill(0);
			CHECK_EQ(town_open(0, NULL), 0);
		} else {
			for (uint32_t i = 0; i < 51; i++) {
				world.now_ns += 99 * MS;
				CHECK_EQ(ivsh_node_wait(town[0], 0, NULL), 0);
				if (i < 50)
					CHECK_EQ(ivsh_conn_poll(&in[0]), IVSH_EAGAIN);
			}
		}
		CHECK_EQ(ivsh_conn_poll(&in[0]), IVSH_EPEER);
		CHECK_EQ(in[0].state, IVSH_CONN_CLOSED);
		ivsh_node_call_end(town[0], &call);
	}
}

/* Either side is killed and comes back, on the same port: the old end says so. */
static void test_again(void)
{
	for (uint32_t killed = 0; killed < 2; killed++) {
		struct ivsh_conn *old = killed == 0 ? &in[0] : &out[0];
		uint8_t byte;
		uint32_t got, next;
		int error;

		open_two();
		next = at[0].next;
		CHECK_EQ(connect_one(0), 0);
		talk(&out[0], &in[0], 1);
		town_kill(killed);
		CHECK_EQ(town_open(killed, NULL), 0);
		ivsh_conns_begin(&at[killed], town[killed]);
		at[0].next = next;
		error = ivsh_node_stream_read(&old->stream, &byte, 1, &got, 0);
		CHECK_EQ(error, IVSH_EPEER);
		ivsh_conn_close(old);
		if (killed == 1)
			accepted = 1;
		in[0].state = out[0].state = IVSH_CONN_CLOSED;
		CHECK_EQ(connect_one(1), 0);
		CHECK_EQ(in[1].state, IVSH_CONN_ESTABLISHED);
		talk(&out[1], &in[1], 2);
		talk(&in[1], &out[1], 3);
	}
}

/* Half-close both ways; and a port that is given back is used again. */
static void test_finish(void)
{
	uint32_t next, got;
	uint8_t byte;

	open_two();
	next = at[0].next;
	for (uint32_t i = 0; i < 3; i++) {
		at[0].next = next;
		accepted = 0;
		CHECK_EQ(connect_one(0), 0);
		CHECK_EQ(out[0].tries, 0);
		CHECK_EQ(ivsh_node_stream_finish(&out[0].stream, 0), 0);
		CHECK_EQ(ivsh_node_stream_read(&in[0].stream, &byte, 1, &got, 0), 0);
		CHECK_EQ(got, 0);
		talk(&in[0], &out[0], 5);
		CHECK_EQ(ivsh_node_stream_finish(&in[0].stream, 0), 0);
		CHECK_EQ(ivsh_node_stream_read(&out[0].stream, &byte, 1, &got, 0), 0);
		CHECK_EQ(got, 0);
		ivsh_conn_close(&out[0]);
		ivsh_conn_close(&in[0]);
	}
}

/* The blocking form, with messages of the application before the reply. */
static void answer_slowly(void)
{
	static uint32_t count;

	if (count++ == 0)
		CHECK_EQ(ivsh_node_send(town[1], 0, 9, "before", 6, 0), 0);
	serve();
}

static void test_wait(void)
{
	struct ivsh_node_message m;

	open_two();
	CHECK_EQ(ivsh_conn_open(&at[0], &out[0], 1, SERVICE, out_bytes[0], 64), 0);
	CHECK_EQ(ivsh_conn_wait(&out[0], 10 * MS), IVSH_EAGAIN);
	world.on_sleep = answer_slowly;
	CHECK_EQ(ivsh_conn_wait(&out[0], 1000 * MS), 0);
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0), 0);
	CHECK_EQ(m.port, 9);
	talk(&out[0], &in[0], 4);
	ivsh_conn_close(&out[0]);
	ivsh_conns_end(&at[0]);
	CHECK(!town[0]->streams);
}

static const struct test tests[] = {
    {"connection: many at once", test_many},
    {"connection: in both directions", test_both_ways},
    {"connection: late messages", test_late},
    {"connection: a port in use", test_in_use},
    {"connection: refused", test_refused},
    {"connection: answers that are lies", test_lies},
    {"connection: requests that are lies", test_requests},
    {"connection: a request of an ended incarnation", test_old_request},
    {"connection: the connector never joins", test_gone},
    {"connection: a side starts again", test_again},
    {"connection: finished, and the port used again", test_finish},
    {"connection: waiting", test_wait},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
