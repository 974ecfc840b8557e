/* SPDX-License-Identifier: MIT */
/*
 * back_test.c - the memory goes back to a snapshot at every access that a receiving call makes.
 * SPEC R5.12.
 *
 * Slot 0 receives, slot 1 sends; neither was restored. Before each access of each call in turn the
 * whole memory gets the bytes of an earlier time back. What the call then delivers must still be a
 * message as it was sent, and a later one than the last. The hook of lib/core/atomic.h puts the
 * bytes back. Host only.
 *
 * One access is left out, and DESIGN.md says so: ivsh_chan_receive() checks nothing behind the body
 * of a message of 8 bytes.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct end a, b;
static uint8_t saved[WORLD_SIZE];
static uint32_t stop_at, accesses; /* the access before which the memory goes back; 0: none */
static uint32_t put, got;          /* messages: accepted, and the last one delivered */
static bool alone;                 /* the call is ivsh_chan_receive() */
static const uint32_t *sizes;      /* of each message in turn, eight of them */

/* Whether (word) is the body of a descriptor that the receiver polls. */
static bool is_body(const void *word)
{
	const uint8_t *first = (const uint8_t *)world_desc(1, 0, 0);
	size_t offset = (size_t)((const uint8_t *)word - first);

	return (const uint8_t *)word >= first && offset < 64 * sizeof(struct ivsh_wire_desc) &&
	       offset % sizeof(struct ivsh_wire_desc) == offsetof(struct ivsh_wire_desc, body);
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)size;
	if (stop_at == 0 || kind == HOOK_STORED || ++accesses != stop_at)
		return;
	if (alone && is_body(word) && sizes[got % 8] == IVSH_WIRE_INLINE_MAX) {
		stop_at++;
		return;
	}
	stop_at = 0;
	memcpy(world.memory, saved, WORLD_SIZE);
}

/* --- Messages: a number, and its low byte up to the end -------------------------------------- */

static void fill(uint8_t *bytes, uint32_t number)
{
	memset(bytes, (uint8_t)number, sizes[(number - 1) % 8]);
	memcpy(bytes, &number, sizeof(number));
}

static void check(const uint8_t *bytes, uint32_t size)
{
	uint32_t number, wrong = 0;

	memcpy(&number, bytes, sizeof(number));
	CHECK(number > got && number <= put);
	CHECK_EQ(size, sizes[(number - 1) % 8]);
	for (uint32_t i = sizeof(number); i < size; i++)
		wrong += bytes[i] != (uint8_t)number;
	CHECK_EQ(wrong, 0);
	got = number;
}

/* In one batch: those of one size are packed. */
static void send_some(uint32_t count)
{
	static uint8_t bytes[16][2048];
	struct ivsh_message batch[16];
	uint32_t sent;
	int error;

	for (uint32_t i = 0; i < count; i++) {
		fill(bytes[i], put + 1 + i);
		batch[i] = (struct ivsh_message){bytes[i], sizes[(put + i) % 8], 1, 0};
	}
	error = ivsh_chan_send_batch(&b.chan, batch, count, &sent);
	CHECK(error == 0 || error == IVSH_EAGAIN);
	put += sent;
}

/* --- The calls -------------------------------------------------------------------------------- */

static uint8_t in[16384];

static int call_receive(void)
{
	struct ivsh_message message;
	int error = ivsh_chan_receive(&a.chan, &message, in, sizeof(in));

	if (!error)
		check(in, message.size);
	return error;
}

static int call_batch(void)
{
	struct ivsh_message batch[6];
	uint32_t received;
	int error = ivsh_chan_receive_batch(&a.chan, batch, 6, in, sizeof(in), &received);

	for (uint32_t i = 0; i < received; i++)
		check(batch[i].data, batch[i].size);
	return error;
}

/* Three of a packed record, and then the others. */
static int call_begun(void)
{
	struct ivsh_message batch[3];
	uint32_t received;
	int error = ivsh_chan_receive_batch(&a.chan, batch, 3, in, sizeof(in), &received);

	for (uint32_t i = 0; i < received; i++)
		check(batch[i].data, batch[i].size);
	return error ? error : call_receive();
}

/* The application's own loads of the payload come between two accesses of the library. */
static int call_peek(void)
{
	struct ivsh_message message;
	int error = ivsh_chan_peek(&a.chan, &message);

	if (error)
		return error;
	ivsh_hook(HOOK_LOAD, message.data, message.size);
	memcpy(in, message.data, message.size / 2);
	ivsh_hook(HOOK_LOAD, message.data, message.size);
	memcpy(in + message.size / 2, (const uint8_t *)message.data + message.size / 2,
	    message.size - message.size / 2);
	error = ivsh_chan_release(&a.chan);
	if (!error)
		check(in, message.size);
	return error;
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
    {"receive", call_receive},
    {"receive batch", call_batch},
    {"a part of a record", call_begun},
    {"peek and release", call_peek},
};

static const struct {
	const char *name;
	uint32_t sizes[8];
} kinds[] = {
    {"words", {8, 8, 8, 8, 8, 8, 8, 8}},
    {"short ones", {5, 7, 5, 7, 5, 7, 5, 7}},
    {"small ones", {64, 300, 64, 300, 64, 300, 64, 300}},
    {"large ones", {1500, 1100, 1500, 1100, 1500, 1100, 1500, 1100}},
    {"packed ones", {40, 40, 40, 40, 40, 40, 40, 40}},
    {"mixed ones", {8, 64, 300, 5, 1024, 8, 100, 1500}},
};

/* Both talk for (talked) messages; the snapshot; as many again; then some are under way. */
static void begin(uint32_t kind, uint32_t talked)
{
	sizes = kinds[kind].sizes;
	stop_at = accesses = put = got = 0;
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, true), 0);
	CHECK_EQ(end_open(&b, 1, 0, true), 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < talked; i++) {
			send_some(1);
			CHECK_EQ(call_receive(), 0);
		}
		if (turn == 0)
			memcpy(saved, world.memory, WORLD_SIZE);
	}
	send_some(8);
	CHECK(put >= got + 4);
}

/* Both have noticed, begin anew, and talk again. */
static void go_on(void)
{
	for (unsigned i = 0; i < 20; i++) {
		while (call_receive() == 0)
			;
		if (a.chan.dead)
			CHECK_EQ(ivsh_chan_reset(&a.chan), 0);
		send_some(1);
		(void)world_wait(&a.region, 1);
		(void)world_wait(&b.region, 1);
	}
	while (call_receive() == 0)
		;
	CHECK_EQ(got, put);
	/* One access hides it: between load and store of the receiver's heartbeat. What the sender
	 * does then is enough. */
	CHECK(a.region.moved <= 1);
	CHECK_EQ(b.region.moved, 1);
	CHECK(a.chan.lost != 0);
	CHECK(a.region.counters.errors + b.region.counters.errors <= 1 - a.region.moved);
}

static void every_access(void)
{
	char row[64];

	for (uint32_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			uint32_t at = 0;

			(void)snprintf(row, sizeof(row), "%s: %s", kinds[kind].name, calls[i].name);
			test_row(row);
			do {
				begin(kind, 20);
				alone =
				    calls[i].call == call_receive || calls[i].call == call_begun;
				stop_at = ++at;
				(void)calls[i].call();
				at = stop_at != 0 ? 0 : at;
				stop_at = 0;
				if (at != 0)
					go_on();
			} while (at != 0);
			CHECK(accesses > 3);
		}
	test_row(NULL);
}

static const struct test tests[] = {
    {"every access of every receiving call", every_access},
};

int main(void)
{
	return test_main("back", tests, sizeof(tests) / sizeof(tests[0]));
}
