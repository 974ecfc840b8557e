/* SPDX-License-Identifier: MIT */
/*
 * stream_test.c - bytes over a channel: all of them, in order, and never too many at a time.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <ivsh/stream.h>

#include <string.h>

#define PORT 40

/* Bytes copied in one go: fewer under a guest's emulator. */
#define COPY_BYTES (__STDC_HOSTED__ ? 64u << 20 : 2u << 20)

/* One side: a peer, and its stream to the other. */
struct side {
	struct end end;
	struct ivsh_stream stream;
	uint8_t buffer[65536];
	uint32_t size;  /* of buffer, for this stream */
	uint32_t wrote; /* bytes of this stream */
	uint32_t read;
	uint32_t pattern; /* says which bytes we write */
};

static struct side a, b;
static uint8_t bytes[65536];

/* Byte (n) of the stream with (pattern). */
static uint8_t byte_of(uint32_t pattern, uint32_t n)
{
	return (uint8_t)((n * 2654435761u >> 24) + pattern);
}

static int stream_open(struct side *side)
{
	side->wrote = side->read = 0;
	return ivsh_stream_open(&side->stream, &side->end.chan, PORT, side->buffer, side->size);
}

static int side_open(struct side *side, uint32_t self, uint32_t size)
{
	int error = end_open(&side->end, self, 1 - self, false);

	side->size = size;
	return error ? error : stream_open(side);
}

static void both_open(uint32_t size)
{
	world_format();
	a.pattern = 1;
	b.pattern = 101;
	CHECK_EQ(side_open(&a, 0, size), 0);
	CHECK_EQ(side_open(&b, 1, size), 0);
}

/* Write up to (size) bytes of our pattern. Answers the answer of write. */
static int put(struct side *side, uint32_t size)
{
	uint32_t written = 0;
	int error;

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = byte_of(side->pattern, side->wrote + i);
	error = ivsh_stream_write(&side->stream, bytes, size, &written);
	CHECK(written <= size);
	CHECK(error != 0 || written != 0 || size == 0);
	side->wrote += written;
	return error;
}

/* Read up to (size) bytes, which are the next of (pattern): what read answers, 1 for the end. */
static int get(struct side *side, uint32_t size, uint32_t pattern)
{
	uint32_t got = 0, wrong = 0;
	int error = ivsh_stream_read(&side->stream, bytes, size, &got);

	CHECK(got <= size);
	CHECK(error == 0 || got == 0);
	for (uint32_t i = 0; i < got; i++)
		wrong += bytes[i] != byte_of(pattern, side->read + i);
	CHECK_EQ(wrong, 0);
	side->read += got;
	return error == 0 && got == 0 ? 1 : error;
}

/* 64 MiB through a ring of 8 KiB, there and back at once. SPEC R10.4, R10.5. */
static void copy(void)
{
	uint32_t seed = 1, idle = 0;
	bool over[2] = {false, false};

	both_open(65536);
	while (idle < 1000 && !(over[0] && over[1])) {
		uint32_t dice = world_random(&seed), before = a.wrote + a.read + b.wrote + b.read;
		struct side *side = dice & 1 ? &a : &b, *other = dice & 1 ? &b : &a;
		uint32_t left = COPY_BYTES - side->wrote, most = 1 + dice % 20000;
		int error;

		error = left == 0 ? ivsh_stream_finish(&side->stream)
				  : put(side, left < most ? left : most);
		CHECK(error == 0 || error == IVSH_EAGAIN);
		error = get(other, 1 + (dice >> 3) % 30000, side->pattern);
		CHECK(error >= 0 || error == IVSH_EAGAIN);
		over[dice & 1] |= error == 1;
		idle = before == a.wrote + a.read + b.wrote + b.read ? idle + 1 : 0;
	}
	CHECK_EQ(a.read, COPY_BYTES);
	CHECK_EQ(b.read, COPY_BYTES);
	CHECK(over[0] && over[1]);
	/* Nothing happens to a stream that is over. */
	CHECK_EQ(get(&a, 1, 0), 1);
	CHECK_EQ(get(&b, 1, 0), 1);
}

/* SPEC R10.6. */
static void half_close(void)
{
	both_open(1024);
	/* b learns of a when it polls; a of b's answer. */
	CHECK_EQ(put(&a, 10), IVSH_EAGAIN);
	CHECK_EQ(get(&b, 10, 1), IVSH_EAGAIN);
	CHECK_EQ(put(&a, 10), 0);
	CHECK_EQ(a.wrote, 10);
	CHECK_EQ(ivsh_stream_finish(&a.stream), 0);
	CHECK_EQ(ivsh_stream_finish(&a.stream), 0);
	CHECK_EQ(put(&a, 1), IVSH_EINVAL);
	CHECK_EQ(get(&b, 4, 1), 0);
	CHECK_EQ(get(&b, 100, 1), 0);
	CHECK_EQ(b.read, 10);
	CHECK_EQ(get(&b, 100, 1), 1);
	/* The other way goes on. */
	CHECK_EQ(put(&b, 500), 0);
	CHECK_EQ(get(&a, 1000, 101), 0);
	CHECK_EQ(a.read, 500);
	CHECK_EQ(get(&a, 1000, 101), IVSH_EAGAIN);
	CHECK_EQ(ivsh_stream_finish(&b.stream), 0);
	CHECK_EQ(get(&a, 1000, 101), 1);
	ivsh_stream_close(&a.stream);
	ivsh_stream_close(&b.stream);
	/* A second one, on the same channels. */
	CHECK_EQ(stream_open(&b), 0);
	CHECK_EQ(stream_open(&a), 0);
	CHECK_EQ(put(&a, 3), IVSH_EAGAIN);
	CHECK_EQ(put(&b, 3), 0);
	CHECK_EQ(get(&a, 9, 101), 0);
	CHECK_EQ(put(&a, 3), 0);
	CHECK_EQ(get(&b, 9, 1), 0);
	CHECK_EQ(get(&b, 9, 1), IVSH_EAGAIN);
}

/* A reader that does not read stops the writer, and nothing else. SPEC R10.4, R10.5. */
static void credit(void)
{
	struct ivsh_message message;
	int error;

	both_open(4096);
	CHECK_EQ(get(&a, 1, 0), IVSH_EAGAIN);
	CHECK_EQ(get(&b, 1, 0), IVSH_EAGAIN);
	for (unsigned i = 0; i < 20; i++) {
		error = put(&a, 1000);
		CHECK(error == 0 || error == IVSH_EAGAIN);
		CHECK_EQ(ivsh_stream_poll(&b.stream), 0);
	}
	CHECK_EQ(a.wrote, 4096);
	CHECK_EQ(ivsh_chan_send(&a.end.chan, 1, "hello", 5), 0);
	CHECK_EQ(ivsh_stream_poll(&b.stream), 0);
	CHECK_EQ(ivsh_chan_receive(&b.end.chan, &message, bytes, 5), 0);
	CHECK_EQ(message.port, 1);
	/* Fill the way back: the credit waits, and comes when there is room. */
	while (ivsh_chan_send(&b.end.chan, 1, "x", 1) == 0)
		continue;
	CHECK_EQ(get(&b, 4096, 1), 0);
	CHECK_EQ(b.read, 4096);
	while (ivsh_chan_receive(&a.end.chan, &message, bytes, 5) == 0)
		CHECK_EQ(message.port, 1);
	CHECK_EQ(put(&a, 1000), IVSH_EAGAIN);
	CHECK_EQ(ivsh_stream_poll(&b.stream), 0);
	CHECK_EQ(put(&a, 1000), 0);
	CHECK_EQ(get(&b, 4096, 1), 0);
}

/* The one dies, the other learns it; then both begin anew. SPEC R10.1, R10.2, R10.3. */
static void crash(void)
{
	both_open(4096);
	CHECK_EQ(get(&b, 1, 1), IVSH_EAGAIN);
	CHECK_EQ(put(&a, 3000), 0);
	CHECK_EQ(put(&b, 700), 0);
	/* The writer comes back. Its earlier bytes are read first. */
	NEED_EQ(side_open(&a, 0, 4096), 0);
	CHECK_EQ(get(&b, 2000, 1), 0);
	CHECK_EQ(get(&b, 2000, 1), 0);
	CHECK_EQ(b.read, 3000);
	CHECK_EQ(get(&b, 2000, 1), IVSH_EPEER);
	CHECK_EQ(put(&b, 1), IVSH_EPEER);
	CHECK_EQ(ivsh_stream_finish(&b.stream), IVSH_EPEER);
	/* None of the 700 bytes is for the new incarnation. */
	CHECK_EQ(get(&a, 2000, 101), IVSH_EAGAIN);
	NEED_EQ(stream_open(&b), 0);
	CHECK_EQ(get(&a, 2000, 101), IVSH_EAGAIN);
	CHECK_EQ(put(&b, 5), 0);
	CHECK_EQ(get(&a, 2000, 101), 0);
	CHECK_EQ(a.read, 5);
	/* It comes back, and opens no stream: its incarnation word shows it. */
	NEED_EQ(end_open(&a.end, 0, 1, false), 0);
	CHECK_EQ(put(&b, 5), IVSH_EPEER);
	/* It leaves in order, but before the end. */
	both_open(4096);
	CHECK_EQ(put(&b, 1), IVSH_EAGAIN);
	CHECK_EQ(put(&a, 100), 0);
	ivsh_stream_close(&a.stream);
	CHECK_EQ(get(&b, 4096, 1), 0);
	CHECK_EQ(get(&b, 4096, 1), IVSH_EPEER);
}

/* A bridge's slot has another incarnation than its messages name. SPEC R5.16, R10.2.5. */
static void origin(void)
{
	uint32_t own;

	both_open(4096);
	own = a.end.region.incarnation;
	CHECK_EQ(get(&b, 1, 1), IVSH_EAGAIN);
	CHECK_EQ(put(&a, 3000), 0);
	CHECK_EQ(ivsh_region_origin(&a.end.region, own), 0);
	world_slot(0)->incarnation = own + 5;
	CHECK_EQ(get(&b, 4096, 1), 0);
	CHECK_EQ(b.read, 3000);
	CHECK_EQ(ivsh_stream_poll(&b.stream), 0);
	/* The remote peer has begun again. */
	CHECK_EQ(ivsh_region_origin(&a.end.region, own + 1), 0);
	CHECK_EQ(ivsh_stream_poll(&b.stream), IVSH_EPEER);
	/* The next one there is no bridge. */
	end_kill(&a.end);
	NEED_EQ(side_open(&a, 0, 4096), 0);
	CHECK_EQ(world_slot(0)->origin, 0);
}

/* A ring is reset under a stream: both sides learn it, and begin anew. SPEC R10.7. */
static void reset(void)
{
	both_open(1024);
	CHECK_EQ(put(&a, 10), IVSH_EAGAIN);
	CHECK_EQ(put(&b, 0), 0);
	CHECK_EQ(put(&a, 10), 0);
	CHECK_EQ(get(&b, 10, 1), 0);
	/* A third peer scribbles over b's read index; a finds it and resets its ring. */
	world_ring(0, 1).receiver->read += 1u << 20;
	for (unsigned i = 0; i < 300 && !a.end.chan.dead; i++)
		(void)!ivsh_chan_send(&a.end.chan, 1, "x", 1);
	CHECK_EQ(put(&a, 10), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&a.end.chan), 0);
	NEED_EQ(stream_open(&a), 0);
	for (unsigned i = 0; i < 200; i++) {
		int error = put(&b, 1);
		struct ivsh_message message;

		if (error == IVSH_EPROTO) /* its own word was not as it left it */
			NEED_EQ(ivsh_chan_reset(&b.end.chan), 0);
		if (error == IVSH_EPROTO || error == IVSH_EPEER)
			NEED_EQ(stream_open(&b), 0);
		while (ivsh_chan_peek(&b.end.chan, &message) == 0 && message.port == 1)
			NEED_EQ(ivsh_chan_release(&b.end.chan), 0);
		error = get(&a, 10, 101);
		if (error == IVSH_EPEER)
			NEED_EQ(stream_open(&a), 0);
		else
			CHECK(error == 0 || error == IVSH_EAGAIN);
	}
	CHECK(a.end.chan.lost != 0);
	CHECK(b.end.chan.lost != 0);
	CHECK(a.read > 50);
	NEED_EQ(put(&a, 10), 0);
	CHECK_EQ(get(&b, 10, 1), 0);
}

/* Let side (side) do a random step; it opens another stream after an error. */
static void live(struct side *side, struct side *other, uint32_t dice, uint32_t *lives)
{
	uint32_t self = side == &a ? 0 : 1;
	int error;

	if (dice % 101 == 0) {
		end_kill(&side->end);
		CHECK_EQ(side_open(side, self, 256u << dice % 5), 0);
		/* The peer tells the bytes of one stream from those of another. */
		(*lives)++;
		return;
	}
	if (dice % 103 == 0) {
		CHECK_EQ(ivsh_chan_send(&side->end.chan, 1, "between", 7), 0);
		return;
	}
	error = dice & 1 ? put(side, (dice >> 8) % 5000)
			 : get(side, 1 + (dice >> 8) % 5000, other->pattern);
	if (error == IVSH_EPEER) {
		CHECK_EQ(stream_open(side), 0);
		(*lives)++;
	} else {
		CHECK(error == 0 || error == IVSH_EAGAIN);
	}
}

/* Take messages that are for no stream. */
static void drain(struct side *side)
{
	struct ivsh_message message;

	while (ivsh_chan_peek(&side->end.chan, &message) == 0 && message.port == 1)
		CHECK_EQ(ivsh_chan_release(&side->end.chan), 0);
}

/*
 * Either side dies at any call, again and again: the bytes read are always the beginning of those
 * that one stream wrote, and both sides join again. SPEC R10.2, R10.3.
 */
static void lives(void)
{
	uint32_t seed = 11, count = 0, most = 0, steps = __STDC_HOSTED__ ? 300000 : 30000;

	both_open(4096);
	/* All streams of a side write the same: what matters is that each is read from its start.
	 * */
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t dice = world_random(&seed);
		struct side *side = dice >> 20 & 1 ? &a : &b;

		live(side, side == &a ? &b : &a, dice & 0xfffff, &count);
		drain(side);
		most = a.read > most ? a.read : most;
	}
	CHECK(count > steps / 200);
	CHECK(most > 20000);
}

/* A wrong control message costs the stream, and only that. SPEC R9.3, R10.4, R10.6. */
static void lies(void)
{
	static const struct {
		const char *row;
		uint32_t kind, from, to, value, size;
		int want;
	} rows[] = {
	    {"nothing wrong", IVSH_WIRE_STREAM_CREDIT, 7, 1, 5000, 24, 0},
	    {"for another", IVSH_WIRE_STREAM_END, 7, 2, 77, 24, 0},
	    {"too short", IVSH_WIRE_STREAM_CREDIT, 7, 1, 5000, 20, IVSH_EPROTO},
	    {"too long", IVSH_WIRE_STREAM_CREDIT, 7, 1, 5000, 32, IVSH_EPROTO},
	    {"empty", IVSH_WIRE_STREAM_CREDIT, 7, 1, 5000, 0, IVSH_EPROTO},
	    {"kind 0", 0, 7, 1, 0, 24, IVSH_EPROTO},
	    {"kind 5", 5, 7, 1, 0, 24, IVSH_EPROTO},
	    {"from nobody", IVSH_WIRE_STREAM_HELLO, 0, 0, 0, 24, IVSH_EPROTO},
	    {"less credit", IVSH_WIRE_STREAM_CREDIT, 7, 1, 4095, 24, IVSH_EPROTO},
	    {"too much credit", IVSH_WIRE_STREAM_CREDIT, 7, 1, 0x80000001, 24, IVSH_EPROTO},
	    {"end too early", IVSH_WIRE_STREAM_END, 7, 1, 1, 24, IVSH_EPROTO},
	    {"end", IVSH_WIRE_STREAM_END, 7, 1, 0, 24, 1},
	    {"close", IVSH_WIRE_STREAM_CLOSE, 7, 1, 0, 24, IVSH_EPEER},
	    {"another hello", IVSH_WIRE_STREAM_HELLO, 8, 0, 0, 24, IVSH_EPEER},
	    {"the same hello", IVSH_WIRE_STREAM_HELLO, 7, 0, 0, 24, 0},
	    {"another's credit", IVSH_WIRE_STREAM_CREDIT, 8, 1, 9000, 24, IVSH_EPEER},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_wire_stream c[2] = {{IVSH_WIRE_STREAM_CREDIT, 7, 0, 4096, 0, 0}};
		int want = rows[i].want;

		test_row(rows[i].row);
		world_format();
		NEED_EQ(side_open(&a, 0, 4096), 0);
		NEED_EQ(end_open(&b.end, 1, 0, false), 0);
		c[0].incarnation = b.end.region.incarnation;
		c[0].to = a.stream.self;
		NEED_EQ(ivsh_chan_send(&b.end.chan, PORT + 1, c, 24), 0);
		NEED_EQ(get(&a, 1, 0), IVSH_EAGAIN);
		c[0].kind = rows[i].kind;
		c[0].from = rows[i].from;
		c[0].to = rows[i].to == 1 ? a.stream.self : rows[i].to;
		c[0].value = rows[i].value;
		NEED_EQ(ivsh_chan_send(&b.end.chan, PORT + 1, c, rows[i].size), 0);
		CHECK_EQ(get(&a, 1, 0), want == 0 ? IVSH_EAGAIN : want);
		CHECK_EQ(a.end.region.counters.errors, want == IVSH_EPROTO);
		CHECK_EQ(ivsh_chan_send(&a.end.chan, 1, "x", 1), 0);
	}
	test_row("more than granted");
	for (uint32_t extra = 0; extra < 2; extra++) {
		both_open(64);
		NEED_EQ(get(&b, 1, 1), IVSH_EAGAIN);
		NEED_EQ(put(&a, 0), 0);
		NEED_EQ(get(&b, 1, 1), IVSH_EAGAIN);
		NEED_EQ(ivsh_chan_send(&a.end.chan, PORT, bytes, 64 + extra), 0);
		CHECK_EQ(ivsh_stream_poll(&b.stream), extra ? IVSH_EPROTO : 0);
	}
	test_row("after the end");
	both_open(64);
	NEED_EQ(get(&b, 1, 1), IVSH_EAGAIN);
	NEED_EQ(ivsh_stream_finish(&a.stream), 0);
	NEED_EQ(ivsh_chan_send(&a.end.chan, PORT, bytes, 1), 0);
	CHECK_EQ(ivsh_stream_poll(&b.stream), IVSH_EPROTO);
}

static void arguments(void)
{
	static const struct {
		uint32_t size;
		uint16_t port;
		int want;
	} rows[] = {{64, 1, 0}, {63, 1, IVSH_EINVAL}, {0, 1, IVSH_EINVAL}, {96, 1, IVSH_EINVAL},
	    {1u << 31, 1, IVSH_EINVAL}, {1024, 65534, 0}, {1024, 65535, IVSH_EINVAL}};
	uint32_t got;

	world_format();
	NEED_EQ(end_open(&a.end, 0, 1, false), 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(
		    ivsh_stream_open(&a.stream, &a.end.chan, rows[i].port, a.buffer, rows[i].size),
		    rows[i].want);
	NEED_EQ(ivsh_stream_open(&a.stream, &a.end.chan, 1, a.buffer, 64), 0);
	CHECK_EQ(ivsh_stream_read(&a.stream, bytes, 0, &got), IVSH_EINVAL);
	ivsh_region_detach(&a.end.region);
	CHECK_EQ(ivsh_stream_read(&a.stream, bytes, 1, &got), IVSH_ELOST);
	CHECK_EQ(put(&a, 1), IVSH_ELOST);
}

/* A number is never 0, and no generation repeats a number of another. SPEC R10.1. */
static void numbers(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = UINT32_MAX};
	struct ivsh_mem mem;
	uint32_t before, head;

	world_format();
	mem = world_mem(0);
	NEED_EQ(ivsh_region_attach(&a.end.region, &mem, &attach), 0);
	NEED_EQ(ivsh_chan_open(&a.end.chan, &a.end.region, 1, a.end.records, 64), 0);
	NEED_EQ(ivsh_chan_send(&a.end.chan, 1, "", 1), 0);
	a.size = 64;
	CHECK_EQ(stream_open(&a), 0);
	CHECK(a.stream.self != 0);
	before = a.stream.self;
	head = a.end.chan.tx.head;
	NEED_EQ(end_open(&b.end, 1, 0, false), 0);
	world_ring(0, 1).sender->start ^= 1;
	CHECK_EQ(world_wait(&a.end.region, 1), 0);
	NEED_EQ(ivsh_chan_reset(&a.end.chan), 0);
	while (a.end.chan.tx.waiting) {
		CHECK_EQ(world_wait(&b.end.region, 1), 0);
		while (ivsh_chan_receive(&b.end.chan, &(struct ivsh_message){0}, bytes, 64) == 0)
			;
		CHECK_EQ(world_wait(&a.end.region, 1), 0);
	}
	/* As if 65536 wraps had gone by. */
	a.end.chan.tx.head = head - 1;
	CHECK_EQ(stream_open(&a), 0);
	CHECK(a.stream.self != before && a.stream.self != 0);
}

static const struct test tests[] = {
    {"copy", copy},
    {"half-close", half_close},
    {"credit", credit},
    {"crash", crash},
    {"origin", origin},
    {"reset", reset},
    {"lives", lives},
    {"lies", lies},
    {"arguments", arguments},
    {"numbers", numbers},
};

int main(void)
{
	return test_main("stream", tests, sizeof(tests) / sizeof(tests[0]));
}
