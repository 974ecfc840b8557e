/* SPDX-License-Identifier: MIT */
/*
 * migrate_test.c - the machine of a node is migrated at every access that a call makes, with a peer
 * that goes on. SPEC R5.11, R10.7, R14.4.
 *
 * As tests/core/migrate_test.c, through the front door: before each access in turn the payload
 * areas of the ring to the node get an earlier message's bytes back, and the VM generation changes.
 * Host only.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include "core/atomic.h"

#include <string.h>

/* The payload areas of a ring: behind the lines and 64 descriptors. */
#define AREAS_OFFSET (256u + 64u * 16u)
#define AREAS (WORLD_RING - AREAS_OFFSET)
#define PORT_STREAM 40u

static uint8_t old_areas[AREAS];
static uint32_t stop_at, accesses; /* the access before which the machine is migrated; 0: none */
static uint32_t put, got;          /* the peer's messages: accepted, and the last one taken */
static struct ivsh_node_stream stream[2];
static uint8_t stream_buffer[2][512];
static struct ivsh_call call;
static uint8_t in[4096], reply[2048];

static uint8_t *areas(void)
{
	return (uint8_t *)world_ring(1, 0).sender + AREAS_OFFSET;
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)word;
	(void)size;
	if (stop_at == 0 || kind == HOOK_STORED || ++accesses != stop_at)
		return;
	stop_at = 0;
	memcpy(areas(), old_areas, AREAS);
	world.vm_generation[0] += 0x100;
}

/* --- Messages: a number, and its low byte up to the end -------------------------------------- */

static uint32_t size_of(uint32_t number)
{
	static const uint32_t sizes[] = {8, 64, 300, 5, 1024, 100};

	return sizes[number % 6];
}

static void fill(uint8_t *bytes, uint32_t number)
{
	memset(bytes, (uint8_t)number, size_of(number));
	memcpy(bytes, &number, sizeof(number));
}

static void check(const uint8_t *bytes, uint32_t size)
{
	uint32_t number, wrong = 0;

	memcpy(&number, bytes, sizeof(number));
	CHECK(number > got && number <= put);
	CHECK_EQ(size, size_of(number));
	for (uint32_t i = sizeof(number); i < size; i++)
		wrong += bytes[i] != (uint8_t)number;
	CHECK_EQ(wrong, 0);
	got = number;
}

static void peer_sends(uint32_t count)
{
	uint8_t bytes[2048];

	for (uint32_t i = 0; i < count; i++) {
		fill(bytes, put + 1);
		if (ivsh_node_send(town[1], 0, 1, bytes, size_of(put + 1), 0) != 0)
			return;
		put++;
	}
}

/* The peer takes what there is, and replies to requests: the reply repeats its number. */
static void peer_serves(void)
{
	static uint8_t bytes[4096];
	struct ivsh_node_message m;

	while (ivsh_node_receive(town[1], &m, bytes, sizeof(bytes), 0) == 0)
		if (m.request && ivsh_node_reply(town[1], &m, bytes, m.size, 0) != 0)
			return;
}

/* --- The calls of the node -------------------------------------------------------------------- */

static int call_receive(void)
{
	struct ivsh_node_message m;
	int error = ivsh_node_receive(town[0], &m, in, sizeof(in), 0);

	if (!error)
		check(in, m.size);
	return error;
}

static int call_send(void)
{
	static const uint8_t bytes[300];

	return ivsh_node_send(town[0], 1, 2, bytes, sizeof(bytes), 0);
}

static int call_send_word(void)
{
	return ivsh_node_send(town[0], 1, 2, "12345678", 8, 0);
}

static int call_wait(void)
{
	return ivsh_node_wait(town[0], 0, NULL);
}

static int call_find(void)
{
	uint32_t peer;

	return ivsh_node_find(town[0], NULL, &peer, 0);
}

/* The reply is under way. It is whole, or the call says that it is lost. */
static int call_call(void)
{
	int error = ivsh_node_call_poll(town[0], &call);

	if (!error) {
		CHECK_EQ(call.got, 200);
		for (uint32_t i = 0; i < 200; i++)
			CHECK_EQ(reply[i], 9);
	}
	CHECK(error == 0 || error == IVSH_EAGAIN || error == IVSH_EPEER);
	return error;
}

/* The same with messages before the reply, which go to the inbox. */
static int call_wait_for_reply(void)
{
	int error = ivsh_node_call(town[0], &call, 1);

	if (!error)
		for (uint32_t i = 0; i < 200; i++)
			CHECK_EQ(reply[i], 9);
	CHECK(error == 0 || error == IVSH_EAGAIN || error == IVSH_EPEER);
	return error;
}

static int call_stream(void)
{
	uint32_t count;
	int error = ivsh_node_stream_read(&stream[0], in, sizeof(in), &count, 0);

	for (uint32_t i = 0; i < count; i++)
		CHECK_EQ(in[i], (uint8_t)(got + i));
	got += count;
	return error;
}

enum kind {
	MESSAGES,
	CALLED,
	STREAMING
};

static const struct {
	const char *name;
	int (*call)(void);
	enum kind kind;
} calls[] = {
    {"receive", call_receive, MESSAGES},
    {"receive, with a stream", call_receive, STREAMING},
    {"send", call_send, MESSAGES},
    {"send a word", call_send_word, MESSAGES},
    {"wait", call_wait, MESSAGES},
    {"find", call_find, MESSAGES},
    {"call", call_call, CALLED},
    {"call, with messages before", call_wait_for_reply, CALLED},
    {"stream", call_stream, STREAMING},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* --- Before and after ------------------------------------------------------------------------- */

/* The next (kind) of event at (slot), or 0. */
static uint32_t events_of(uint32_t slot, enum ivsh_peer_event_kind kind)
{
	struct ivsh_peer_event event;
	uint32_t count = 0;

	world.now_ns += IVSH_PEER_EVENT_NS;
	while (ivsh_node_next_event(town[slot], &event, 0) == 0) {
		count += event.kind == kind;
		if (event.kind == IVSH_PEER_EVENT_MOVED)
			CHECK_EQ(event.slot, slot);
	}
	return count;
}

static void request_begin(bool with_messages)
{
	static uint8_t data[200];

	memset(data, 9, sizeof(data));
	memset(reply, 0, sizeof(reply));
	call = (struct ivsh_call){.peer = 1,
	    .port = 5,
	    .data = data,
	    .size = sizeof(data),
	    .buffer = reply,
	    .capacity = sizeof(reply)};
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	memcpy(old_areas, areas(), AREAS);
	if (with_messages)
		peer_sends(3);
	peer_serves();
}

static void stream_begin(bool is_first)
{
	static const uint8_t zero[1];
	uint8_t bytes[300];
	uint32_t count;

	for (uint32_t k = 0; k < 2; k++)
		CHECK_EQ(ivsh_node_stream_open(
			     town[k], &stream[k], 1 - k, PORT_STREAM, stream_buffer[k], 512),
		    0);
	for (unsigned i = 0; i < 4; i++)
		for (uint32_t k = 0; k < 2; k++)
			CHECK_EQ(ivsh_node_stream_write(&stream[k], zero, 0, &count, 0), 0);
	memcpy(old_areas, areas(), AREAS);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(bytes); i += 100)
		CHECK_EQ(ivsh_node_stream_write(&stream[1], bytes + i, 100, &count, 0), 0);
	if (is_first)
		peer_sends(2);
}

static void begin(unsigned which, uint32_t talked)
{
	stop_at = accesses = put = got = 0;
	town_reset();
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(town_open(1, NULL), 0);
	(void)events_of(0, IVSH_PEER_EVENT_UP);
	(void)events_of(1, IVSH_PEER_EVENT_UP);
	for (uint32_t i = 0; i < talked; i++) {
		peer_sends(1);
		CHECK_EQ(call_receive(), 0);
		CHECK_EQ(call_send(), 0);
		peer_serves();
	}
	memcpy(old_areas, areas(), AREAS);
	if (calls[which].kind == CALLED)
		request_begin(calls[which].call == call_wait_for_reply);
	else if (calls[which].kind == STREAMING)
		stream_begin(calls[which].call == call_receive);
	else
		peer_sends(4);
	if (calls[which].call == call_stream)
		got = 0;
}

/* What was going on ends with an error, or came to its end before. */
static void end(unsigned which)
{
	uint32_t before = put;

	if (calls[which].kind == CALLED && call.begun) {
		CHECK_EQ(call_call(), IVSH_EPEER);
		ivsh_node_call_end(town[0], &call);
	}
	if (calls[which].kind != STREAMING)
		return;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t count;
		int error;

		CHECK_EQ(ivsh_node_wait(town[1], 0, NULL), 0);
		CHECK_EQ(ivsh_node_wait(town[0], 0, NULL), 0);
		error = ivsh_node_stream_read(&stream[0], in, sizeof(in), &count, 0);
		CHECK(error == IVSH_EPEER || count != 0);
		for (uint32_t k = 0; k < count && calls[which].call == call_stream; k++)
			CHECK_EQ(in[k], (uint8_t)(got + k));
		got += calls[which].call == call_stream ? count : 0;
		error = ivsh_node_stream_write(&stream[1], in, 0, &count, 0);
		CHECK(i == 0 || error == IVSH_EPEER);
	}
	ivsh_node_stream_close(&stream[0]);
	ivsh_node_stream_close(&stream[1]);
	if (calls[which].call == call_stream)
		got = before;
}

static void go_on(unsigned which)
{
	CHECK_EQ(ivsh_node_wait(town[0], 0, NULL), 0);
	end(which);
	for (unsigned i = 0; i < 12; i++) {
		while (call_receive() == 0)
			;
		(void)call_send();
		peer_serves();
		peer_sends(2);
		CHECK_EQ(ivsh_node_wait(town[0], 0, NULL), 0);
		CHECK_EQ(ivsh_node_wait(town[1], 0, NULL), 0);
	}
	while (call_receive() == 0)
		;
	CHECK_EQ(got, put);
	CHECK(put > 10);
	CHECK_EQ(events_of(0, IVSH_PEER_EVENT_MOVED), 1);
	CHECK(town[0]->chans[1].lost != 0);
	CHECK(events_of(1, IVSH_PEER_EVENT_LOST) != 0);
	CHECK_EQ(town[0]->region.counters.errors + town[1]->region.counters.errors, 0);
	CHECK_EQ(town[0]->region.moved, 1);
	/* A new call gets its reply. */
	request_begin(false);
	CHECK_EQ(call_call(), 0);
}

static bool migrated(unsigned which, uint32_t talked, uint32_t at)
{
	begin(which, talked);
	stop_at = at;
	(void)calls[which].call();
	if (stop_at != 0) {
		stop_at = 0;
		return false;
	}
	go_on(which);
	return true;
}

static void every_access(void)
{
	for (unsigned which = 0; which < CALLS; which++) {
		test_row(calls[which].name);
		for (uint32_t talked = 0; talked < 20; talked += 6) {
			uint32_t at = 1;

			while (migrated(which, talked, at))
				at++;
			CHECK(at > 2);
		}
	}
}

/* A wait ends at once, whatever it waits for; and a device that is gone is answered as such. */
static void waiting(void)
{
	struct ivsh_peer_event event;
	struct ivsh_node_message m;
	uint32_t events;

	begin(0, 3);
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_node_wait(town[0], IVSH_FOREVER, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(ivsh_node_next_event(town[0], &event, IVSH_FOREVER), 0);
	CHECK_EQ(event.kind, IVSH_PEER_EVENT_MOVED);
	CHECK_EQ(event.slot, 0);
	begin(0, 3);
	world.vm_generation[0]++;
	world.removed = true;
	CHECK_EQ(ivsh_node_receive(town[0], &m, in, sizeof(in), IVSH_FOREVER), IVSH_EREMOVED);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, in, 8, IVSH_FOREVER), IVSH_EREMOVED);
	CHECK_EQ(ivsh_node_wait(town[0], IVSH_FOREVER, &events), IVSH_EREMOVED);
	CHECK_EQ(ivsh_node_next_event(town[0], &event, IVSH_FOREVER), IVSH_EREMOVED);
	ivsh_node_close(town[0]);
}

static const struct test tests[] = {
    {"every access", every_access},
    {"waiting", waiting},
};

int main(void)
{
	return test_main("node migrate", tests, sizeof(tests) / sizeof(tests[0]));
}
