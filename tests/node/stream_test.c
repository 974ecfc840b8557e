/* SPDX-License-Identifier: MIT */
/*
 * stream_test.c - streams through nodes: waiting, beside messages and calls, and ends of all kinds.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define PORT 50u
#define SIZE 20000u

static struct ivsh_node_stream zero, one;
static uint8_t zero_buffer[1024], one_buffer[1024];
static uint8_t out[SIZE], in[SIZE];
static uint32_t got;

static void open_two(void)
{
	town_reset();
	world.on_sleep = NULL;
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(town_open(1, NULL), 0);
	CHECK_EQ(ivsh_node_stream_open(town[0], &zero, 1, PORT, zero_buffer, 1024), 0);
	CHECK_EQ(ivsh_node_stream_open(town[1], &one, 0, PORT, one_buffer, 1024), 0);
	for (uint32_t i = 0; i < SIZE; i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	memset(in, 0, sizeof(in));
	got = 0;
}

/* --- Slot 1, while slot 0 sleeps ------------------------------------------------------------- */

static void read_some(void)
{
	uint32_t size;

	while (got < SIZE && ivsh_node_stream_read(&one, in + got, SIZE - got, &size, 0) == 0 &&
	       size != 0)
		got += size;
}

/* Messages of all kinds come between the bytes. */
static void read_and_talk(void)
{
	struct ivsh_node_message m;
	static uint8_t number;

	if (number < 6) {
		CHECK_EQ(ivsh_node_send(town[1], 0, 9, &number, 1, 0), 0);
		number++;
	}
	read_some();
	while (ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0) == 0)
		if (m.request)
			CHECK_EQ(ivsh_node_reply(town[1], &m, "yes", 3, 0), 0);
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

static void finish(void)
{
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_node_stream_finish(&one, 0), 0);
}

/* Each side learns of the other. */
static void join(void)
{
	uint32_t size;

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(ivsh_node_stream_read(&zero, in, 1, &size, 0), IVSH_EAGAIN);
		CHECK_EQ(ivsh_node_stream_read(&one, in, 1, &size, 0), IVSH_EAGAIN);
	}
}

/* --- Cases ---------------------------------------------------------------------------------- */

/* More than any buffer holds, to the end, and back. SPEC R10.4, R10.6. */
static void whole(void)
{
	uint32_t size, written;

	open_two();
	world.on_sleep = read_some;
	CHECK_EQ(ivsh_node_stream_write(&zero, out, SIZE, &written, IVSH_FOREVER), 0);
	CHECK_EQ(written, SIZE);
	CHECK_EQ(ivsh_node_stream_finish(&zero, IVSH_FOREVER), 0);
	read_some();
	CHECK_EQ(got, SIZE);
	CHECK_EQ(memcmp(in, out, SIZE), 0);
	CHECK_EQ(ivsh_node_stream_read(&one, in, 1, &size, 0), 0);
	CHECK_EQ(size, 0);
	world.on_sleep = finish;
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 1, &size, IVSH_FOREVER), 0);
	CHECK_EQ(size, 0);
	ivsh_node_stream_close(&zero);
	ivsh_node_stream_close(&one);
	CHECK(town[0]->streams == NULL);
}

static void deadlines(void)
{
	uint32_t size, written;
	uint64_t start;

	open_two();
	start = world.now_ns;
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 1, &size, 0), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns, start);
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 1, &size, 20 * MS), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns - start, 20 * MS);
	CHECK_EQ(ivsh_node_stream_write(&one, out, SIZE, &written, 20 * MS), IVSH_EAGAIN);
	CHECK_EQ(written, 1024);
	CHECK_EQ(ivsh_node_stream_open(town[0], &zero, 0, PORT, zero_buffer, 1024), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_stream_open(town[0], &zero, 9, PORT, zero_buffer, 1024), IVSH_EINVAL);
}

/* Messages and requests come and go on the same channel meanwhile; none is lost. */
static void beside(void)
{
	char reply[8] = "";
	struct ivsh_call call = {.peer = 1, .port = 4, .buffer = reply, .capacity = sizeof(reply)};
	struct ivsh_node_message m;
	uint8_t next = 0;

	open_two();
	world.on_sleep = read_and_talk;
	CHECK_EQ(ivsh_node_stream_write(&zero, out, SIZE / 2, NULL, IVSH_FOREVER), 0);
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), 0);
	CHECK_EQ(call.got, 3);
	CHECK_EQ(ivsh_node_stream_write(&zero, out + SIZE / 2, SIZE / 2, NULL, IVSH_FOREVER), 0);
	read_some();
	CHECK_EQ(got, SIZE);
	CHECK_EQ(memcmp(in, out, SIZE), 0);
	while (ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 0) == 0) {
		CHECK_EQ(m.port, 9);
		CHECK_EQ(town_in[0], next);
		next++;
	}
	CHECK_EQ(next, 6);
}

/* Receiving takes a stream's messages out of the way, and keeps its bytes. */
static void received_by_others(void)
{
	struct ivsh_node_message m;
	uint32_t size;

	open_two();
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_stream_write(&one, "abc", 3, NULL, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 9, "message", 7, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'm');
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 10, &size, 0), 0);
	CHECK_EQ(size, 3);
}

/* The other side goes: an error, and never an early end. SPEC R10.2. */
static void peer_goes(void)
{
	uint32_t size;

	open_two();
	join();
	CHECK_EQ(ivsh_node_stream_write(&one, "abc", 3, NULL, 0), 0);
	world.on_sleep = leave;
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 10, &size, IVSH_FOREVER), 0);
	CHECK_EQ(size, 3);
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 10, &size, IVSH_FOREVER), IVSH_EPEER);
	/* A new incarnation is not the one that it was opened with. */
	open_two();
	join();
	CHECK_EQ(ivsh_node_stream_write(&one, "abc", 3, NULL, 0), 0);
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 10, &size, 0), 0);
	die();
	NEED_EQ(town_open(1, NULL), 0);
	CHECK_EQ(ivsh_node_stream_read(&zero, in, 10, &size, IVSH_FOREVER), IVSH_EPEER);
	CHECK_EQ(ivsh_node_stream_write(&zero, in, 10, NULL, IVSH_FOREVER), IVSH_EPEER);
}

/*
 * It went while there was room for a part of what is written: the call that takes no time answers
 * so, too. Nothing else would ever come of the stream.
 */
static void peer_goes_before_a_write(void)
{
	uint32_t written = 0, events;

	open_two();
	join();
	leave();
	CHECK_EQ(ivsh_node_wait(town[0], 5000 * MS, &events), 0);
	NEED_EQ(ivsh_node_peer(town[0], 1)->presence, IVSH_PEER_ABSENT);
	CHECK_EQ(ivsh_node_stream_write(&zero, out, SIZE, &written, 0), IVSH_EPEER);
	CHECK(written != 0 && written < SIZE);
}

/* Two on one channel: neither waits for the other's reader. */
static void two_streams(void)
{
	static struct ivsh_node_stream second[2];
	static uint8_t buffers[2][1024];
	uint32_t size;

	open_two();
	NEED_EQ(ivsh_node_stream_open(town[0], &second[0], 1, 60, buffers[0], 1024), 0);
	NEED_EQ(ivsh_node_stream_open(town[1], &second[1], 0, 60, buffers[1], 1024), 0);
	CHECK_EQ(ivsh_node_stream_write(&zero, out, 2000, NULL, 20 * MS), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_stream_read(&second[1], in, 10, &size, 0), IVSH_EAGAIN);
	CHECK_EQ(ivsh_node_stream_write(&second[0], "second", 6, NULL, 20 * MS), 0);
	CHECK_EQ(ivsh_node_stream_read(&second[1], in, 10, &size, 0), 0);
	CHECK_EQ(size, 6);
	CHECK_EQ(memcmp(in, "second", 6), 0);
}

/* A plain message right behind the bytes of a stream, in a memory of many slots. */
static void many_slots(void)
{
	static _Alignas(4096) uint8_t memory[0x500000];
	static uint8_t blocks[2][IVSH_NODE_SIZE(17, TOWN_DESCS)];
	const struct ivsh_geometry geometry = {17, TOWN_DESCS, 4096, 8192, 0};
	struct ivsh_node_message m;
	uint32_t events;

	town_reset();
	memset(memory, 0, sizeof(memory));
	NEED_EQ(ivsh_region_format(memory, sizeof(memory), &geometry, 1, false), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct ivsh_mem mem = world_mem(i);

		mem.base = memory;
		mem.size = sizeof(memory);
		mem.split = NULL;
		NEED_EQ(ivsh_node_open(&town[i], blocks[i], sizeof(blocks[i]), &mem, NULL), 0);
	}
	NEED_EQ(ivsh_node_stream_open(town[0], &zero, 1, PORT, zero_buffer, 1024), 0);
	NEED_EQ(ivsh_node_stream_open(town[1], &one, 0, PORT, one_buffer, 1024), 0);
	join();
	CHECK_EQ(ivsh_node_stream_write(&one, "abc", 3, NULL, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 9, "message", 7, 0), 0);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, 1, 0), IVSH_ENOSPC);
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	ivsh_node_stream_close(&zero);
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(town_receive(0, &m), 'm');
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
}

/* Each look at the clock takes time, in which slot 1 reads. */
static uint64_t reader_now(void *ctx)
{
	(void)ctx;
	world.now_ns += MS / 10;
	if (town[1])
		read_some();
	return world.now_ns;
}

/* A peer that reads all the time does not prolong a write. */
static void deadline_of_write(void)
{
	static uint8_t block[TOWN_BLOCK];
	struct ivsh_mem mem;
	uint32_t written;

	open_two();
	ivsh_node_stream_close(&zero);
	town_close(0);
	mem = world_mem(0);
	mem.doorbell.now_ns = reader_now;
	NEED_EQ(ivsh_node_open(&town[0], block, sizeof(block), &mem, NULL), 0);
	CHECK_EQ(ivsh_node_stream_open(town[0], &zero, 1, PORT, zero_buffer, 1024), 0);
	CHECK_EQ(ivsh_node_stream_write(&zero, out, SIZE, &written, 3 * MS / 2), IVSH_EAGAIN);
	CHECK_EQ(written < SIZE, true);
	CHECK_EQ(written != 0, true);
}

static void drain(void)
{
	struct ivsh_node_message m;

	while (ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0) == 0)
		;
}

/* What a stream owes is sent as soon as there is room, also while the node receives. SPEC R10.5. */
static void owed(void)
{
	struct ivsh_node_message m;
	uint32_t events;

	town_reset();
	NEED_EQ(town_open(0, NULL), 0);
	NEED_EQ(town_open(1, NULL), 0);
	NEED_EQ(ivsh_node_stream_open(town[1], &one, 0, PORT, one_buffer, 1024), 0);
	for (unsigned i = 0; i < TOWN_DESCS; i++)
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), 0);
	NEED_EQ(ivsh_node_stream_open(town[0], &zero, 1, PORT, zero_buffer, 1024), 0);
	world.on_sleep = drain;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 500 * MS), IVSH_EAGAIN);
	CHECK_EQ(one.stream.joined, true);
	world.on_sleep = NULL;
	drain();
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	/* The node has reported the room. */
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, 0);
}

static const struct test tests[] = {
    {"stream: to the end", whole},
    {"stream: deadlines", deadlines},
    {"stream: beside messages and calls", beside},
    {"stream: received by others", received_by_others},
    {"stream: the peer goes", peer_goes},
    {"stream: the peer goes before a write", peer_goes_before_a_write},
    {"stream: two on one channel", two_streams},
    {"stream: a message behind it, many slots", many_slots},
    {"stream: the deadline of a write", deadline_of_write},
    {"stream: owed messages are sent", owed},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
