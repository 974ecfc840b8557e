/* SPDX-License-Identifier: MIT */
/*
 * call_test.c - requests and replies: matched, late, lost, and refused.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define SERVICE 40u

static char reply[64];
static struct ivsh_call call;
static struct ivsh_node_message request;

static void open_two(void)
{
	town_reset();
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(town_open(1, NULL), 0);
	call = (struct ivsh_call){.peer = 1,
	    .port = SERVICE,
	    .data = "time?",
	    .size = 5,
	    .buffer = reply,
	    .capacity = sizeof(reply)};
	memset(reply, 0, sizeof(reply));
}

static int server_take(void)
{
	return ivsh_node_receive(town[1], &request, town_in, sizeof(town_in), 0);
}

static int server_reply(const char *text)
{
	return ivsh_node_reply(town[1], &request, text, (uint32_t)strlen(text), 0);
}

/* --- Slot 1, while slot 0 sleeps ------------------------------------------------------------- */

static void serve(void)
{
	while (server_take() == 0)
		if (request.request)
			CHECK_EQ(server_reply("noon"), 0);
}

static void serve_after_others(void)
{
	CHECK_EQ(ivsh_node_send(town[1], 0, 7, "first", 5, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 8, "second", 6, 0), 0);
	serve();
	world.on_sleep = NULL;
}

static void die(void)
{
	world.on_sleep = NULL;
	town_kill(1);
}

static void leave(void)
{
	world.on_sleep = NULL;
	town_close(1);
}

static void restart(void)
{
	world.on_sleep = NULL;
	town_kill(1);
	CHECK_EQ(town_open(1, NULL), 0);
}

/* --- Cases ---------------------------------------------------------------------------------- */

/* A reply goes to its request, in any order. SPEC R14.1, R14.2. */
static void answered(void)
{
	struct ivsh_node_message first;
	struct ivsh_call other;

	open_two();
	world.on_sleep = serve;
	NEED_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(call.got, 4);
	CHECK_EQ(strcmp(reply, "noon"), 0);
	CHECK_EQ(request.port, SERVICE);
	CHECK_EQ(request.peer, 0);
	CHECK_EQ(request.size, 5);
	CHECK_EQ(memcmp(town_in, "time?", 5), 0);
	/* Two at a time, answered the other way round. */
	world.on_sleep = NULL;
	other = call;
	other.buffer = reply + 32;
	other.capacity = 32;
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_call_poll(town[0], &other), IVSH_EAGAIN);
	NEED_EQ(server_take(), 0);
	first = request;
	NEED_EQ(server_take(), 0);
	CHECK(first.request != request.request);
	CHECK_EQ(server_reply("two"), 0);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_call_poll(town[0], &other), 0);
	CHECK_EQ(memcmp(reply + 32, "two", 3), 0);
	request = first;
	CHECK_EQ(server_reply("one"), 0);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), 0);
	CHECK_EQ(memcmp(reply, "one", 3), 0);
	/* A reply to no request. */
	request.request = 0;
	CHECK_EQ(server_reply("x"), IVSH_EINVAL);
}

/* No reply in time: a late one is dropped, and is not taken for another's. SPEC R14.3. */
static void late(void)
{
	struct ivsh_node_message m;
	uint64_t start;

	open_two();
	start = world.now_ns;
	CHECK_EQ(ivsh_node_call(town[0], &call, 30 * MS), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns - start, 30 * MS);
	NEED_EQ(server_take(), 0);
	CHECK_EQ(server_reply("late"), 0);
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	CHECK_EQ(town[0]->dropped, 1);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	CHECK_EQ(server_reply("late again"), 0);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	NEED_EQ(server_take(), 0);
	CHECK_EQ(server_reply("good"), 0);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), 0);
	CHECK_EQ(memcmp(reply, "good", 4), 0);
	CHECK_EQ(town[0]->dropped, 2);
	/* Of an earlier incarnation of the caller. */
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	NEED_EQ(server_take(), 0);
	town_kill(0);
	NEED_EQ(town_open(0, NULL), 0);
	CHECK_EQ(server_reply("late"), 0);
	call.begun = false;
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	CHECK_EQ(town[0]->dropped, 1);
	ivsh_node_call_end(town[0], &call);
}

/* Messages before the reply are received afterwards, in their order. */
static void others_wait(void)
{
	struct ivsh_node_message m;

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(ivsh_node_send(town[2], 0, 1, "third", 5, 0), 0);
	world.on_sleep = serve_after_others;
	NEED_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 9, "last", 4, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'f');
	CHECK_EQ(m.port, 7);
	CHECK_EQ(m.peer, 1);
	CHECK_EQ(town_receive(0, &m), 's');
	CHECK_EQ(m.size, 6);
	CHECK_EQ(town_receive(0, &m), 't');
	CHECK_EQ(m.peer, 2);
	CHECK_EQ(town_receive(0, &m), 'l');
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
}

/* More stands before the reply than the inbox holds: the call ends, and nothing is lost. */
static void inbox_full(void)
{
	struct ivsh_node_message m;
	uint8_t large[2600];
	unsigned count = 0;

	open_two();
	for (uint8_t i = 0; i < 3; i++) {
		large[0] = i;
		NEED_EQ(ivsh_node_send(town[1], 0, 1, large, sizeof(large), 0), 0);
	}
	world.on_sleep = serve;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_ENOSPC);
	CHECK_EQ(call.got, 0);
	while (ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0) == 0)
		CHECK_EQ(town_in[0], count++);
	CHECK_EQ(count, 3);
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(strcmp(reply, "noon"), 0);
}

/*
 * The peer goes during a call: the call answers at once, or when the peer seems dead. SPEC R14.4.
 */
static void peer_goes(void)
{
	static void (*const ways[])(void) = {leave, restart, die};
	uint64_t start;

	for (unsigned i = 0; i < 3; i++) {
		open_two();
		world.on_sleep = ways[i];
		start = world.now_ns;
		CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_EPEER);
		CHECK_EQ(world.now_ns - start <= (i == 2 ? 2200 : 110) * MS, true);
		CHECK_EQ(town[0]->calls == NULL, true);
	}
}

/* The server sees it die: at once. SPEC R4.2. */
static void server_sees(void)
{
	world.on_sleep = NULL;
	town_kill(1);
	world_server()->connection[1] = 2;
	world_server()->change++;
	world.notified++;
}

static void peer_dies(void)
{
	uint64_t start;

	open_two();
	town_close(1);
	world_server()->epoch = 7;
	world_server()->connection[1] = 1;
	NEED_EQ(town_open(1, NULL), 0);
	world.on_sleep = server_sees;
	start = world.now_ns;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_EPEER);
	CHECK_EQ(world.now_ns - start <= 100 * MS, true);
	/* A reply that it had sent before is taken all the same. */
	open_two();
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	serve();
	town_close(1);
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), 0);
	CHECK_EQ(strcmp(reply, "noon"), 0);
}

/* No peer is there yet: the request goes to the first that comes. */
static void come(void)
{
	CHECK_EQ(town_open(1, NULL), 0);
	world.on_sleep = serve;
}

static void peer_comes(void)
{
	open_two();
	town_close(1);
	CHECK_EQ(ivsh_node_call(town[0], &call, 10 * MS), IVSH_EAGAIN);
	world.on_sleep = come;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(strcmp(reply, "noon"), 0);
}

/* Sizes, and a reply that does not fit. */
static void sizes(void)
{
	static uint8_t large[8192], back[8192];

	open_two();
	world.on_sleep = serve;
	call.capacity = 3;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_ENOSPC);
	CHECK_EQ(call.got, 4);
	call.buffer = back;
	call.capacity = sizeof(back);
	call.data = large;
	call.size = 8192 - 15;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_EINVAL);
	call.size = 8192 - 16;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(request.size, 8192 - 16);
	call.size = 0;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(request.size, 0);
	call.peer = 0;
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_EINVAL);
}

/*
 * Wrong messages of a hostile peer on the port of calls are dropped, by both ways to receive. SPEC
 * R14.3.
 */
static void broken(void)
{
	static const struct ivsh_wire_call rows[] = {
	    {.kind = 0, .id = 1}, {.kind = 3, .id = 1}, {.kind = 1, .id = 0}, {.kind = 2, .id = 5}};
	struct ivsh_node_message m;

	open_two();
	for (uint32_t size = 0; size <= 16; size++) {
		struct ivsh_wire_call header = {0};

		CHECK_EQ(ivsh_node_send(town[1], 0, IVSH_PORT_CALL, &header, size, 0), 0);
		/* Too short for a call: the application's. */
		CHECK_EQ(town_receive(0, &m), size < 16 ? 0 : IVSH_EAGAIN);
		CHECK_EQ(m.request, 0);
	}
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_EQ(ivsh_node_send(town[1], 0, 1, "x", 1, 0), 0);
		CHECK_EQ(ivsh_node_send(town[1], 0, IVSH_PORT_CALL, &rows[i], 16, 0), 0);
		CHECK_EQ(ivsh_node_send(town[1], 0, 1, "y", 1, 0), 0);
		CHECK_EQ(town_receive(0, &m), 'x');
		CHECK_EQ(town_receive(0, &m), 'y');
		CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	}
	CHECK_EQ(town[0]->dropped, 5);
}

/* A call that found no room leaves no wait for room behind. */
static void no_room(void)
{
	struct ivsh_node_message m;
	uint32_t events = 99;
	uint64_t start;

	open_two();
	for (unsigned i = 0; i < TOWN_DESCS; i++)
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), 0);
	CHECK_EQ(ivsh_node_call(town[0], &call, 250 * MS), IVSH_EAGAIN);
	while (town_receive(1, &m) == 'f')
		;
	start = world.now_ns;
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world.now_ns - start, 5 * MS);
	/* But one of the application itself stays. */
	for (unsigned i = 0; i < TOWN_DESCS; i++)
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_call(town[0], &call, 250 * MS), IVSH_EAGAIN);
	while (town_receive(1, &m) == 'f')
		;
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_SPACE);
}

static const struct test tests[] = {
    {"call: answered", answered},
    {"call: late", late},
    {"call: others wait", others_wait},
    {"call: inbox full", inbox_full},
    {"call: the peer goes", peer_goes},
    {"call: the peer dies, and a server sees it", peer_dies},
    {"call: the peer comes", peer_comes},
    {"call: sizes", sizes},
    {"call: broken messages", broken},
    {"call: no room", no_room},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
