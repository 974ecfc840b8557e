/* SPDX-License-Identifier: MIT */
/*
 * pair_test.c - two threads as two peers, through the public calls, for ThreadSanitizer: that each
 * word and each payload byte is handed over properly. SPEC R7.3, R7.10, R8.2.
 *
 * Host only. Here the clock is real, and a doorbell is a counter that the sleeper polls.
 */
#include "tests/lib/test.h"

#include <ivsh/ivsh.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DESCS 64
#define PORT 40
#define BATCH 8u
#define MEMORY (1u << 18)

static _Alignas(4096) uint8_t memory[MEMORY];
static atomic_uint notified[2];
static uint32_t messages, stream_bytes;

static uint64_t now_ns(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t count(void *ctx)
{
	return atomic_load_explicit((atomic_uint *)ctx, memory_order_relaxed);
}

/* Relaxed: a notification hands nothing over, the ring does. */
static void ring(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	(void)vector;
	if (peer < 2)
		atomic_fetch_add_explicit(&notified[peer], 1, memory_order_relaxed);
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	const struct timespec moment = {0, 20000};

	while (count(ctx) == seen && now_ns(ctx) < deadline_ns)
		nanosleep(&moment, NULL);
}

static void relax(void *ctx)
{
	(void)ctx;
}

struct side {
	uint32_t self;
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[DESCS];
	struct ivsh_stream stream;
	uint8_t buffer[4096];
	uint32_t put, got;    /* numbers */
	uint32_t wrote, read; /* bytes of the stream */
	uint32_t wrong, marked;
	bool over;
};

static int side_open(struct side *side)
{
	struct ivsh_mem mem = {.base = memory,
	    .size = sizeof(memory),
	    .self = side->self,
	    .doorbell = {.ctx = &notified[side->self],
		.vectors = 4,
		.notify = ring,
		.count = count,
		.now_ns = now_ns,
		.sleep = sleep_until,
		.relax = relax}};
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = side->self ? "one" : "zero",
	    .nonce = now_ns(NULL) << 1 | side->self};
	int error = ivsh_region_attach(&side->region, &mem, &attach);

	return error ? error
		     : ivsh_chan_open(
			   &side->chan, &side->region, 1 - side->self, side->records, DESCS);
}

static void wait_for(struct side *side)
{
	const struct ivsh_wait wait = {
	    .mode = side->put % 3 ? IVSH_WAIT_SLEEP : IVSH_WAIT_SPIN, .spin_ns = 2000};
	uint32_t events;

	side->wrong += ivsh_region_wait(&side->region, &wait, 1000000, &events) != 0;
}

static uint32_t size_of(uint32_t n)
{
	static const uint32_t sizes[] = {4, 40, 2000, 8, 700, 64, 1025, 5, 300};

	return sizes[n / 3 % (sizeof(sizes) / sizeof(sizes[0]))]; /* runs: some are packed */
}

/* Send the next number, or up to BATCH of them, as far as there is room: one of three ways. */
static void put(struct side *side, uint32_t way)
{
	uint8_t bytes[BATCH][2048];
	struct ivsh_message batch[BATCH];
	uint32_t most = way == 0 ? messages - side->put : 1, sent = 0;
	void *payload;
	int error;

	if (most > BATCH)
		most = BATCH;
	for (uint32_t i = 0; i < most; i++) {
		uint32_t n = side->put + i;

		memset(bytes[i], (int)n, size_of(n));
		memcpy(bytes[i], &n, 4);
		batch[i] = (struct ivsh_message){bytes[i], size_of(n), 1, 0};
	}
	if (way == 0) {
		error = ivsh_chan_send_batch(&side->chan, batch, most, &sent);
	} else if (way == 1) {
		error = ivsh_chan_send(&side->chan, 1, bytes[0], batch->size);
		sent = error == 0;
	} else {
		error = ivsh_chan_reserve(&side->chan, batch->size, &payload);
		if (!error) {
			memcpy(payload, bytes[0], batch->size);
			error = ivsh_chan_publish(&side->chan, 1);
			sent = error == 0;
		}
	}
	side->put += sent;
	side->wrong += error != 0 && error != IVSH_EAGAIN;
}

/* This number came. */
static void came(struct side *side, const struct ivsh_message *message)
{
	uint32_t n = 0;

	memcpy(&n, message->data, 4);
	side->marked += message->flags & IVSH_MAYBE_SEEN;
	side->wrong += n > side->got || (n != side->got && !(message->flags & IVSH_MAYBE_SEEN)) ||
		       message->size != size_of(n);
	for (uint32_t i = 4; i < message->size; i++)
		side->wrong += ((const uint8_t *)message->data)[i] != (uint8_t)n;
	side->got += n == side->got;
}

/* Take the next number, or up to BATCH of them, if there is one. */
static bool get(struct side *side, uint32_t way)
{
	uint8_t bytes[BATCH * 2048];
	struct ivsh_message batch[BATCH];
	uint32_t received = 0;
	int error;

	if (way == 0) {
		error = ivsh_chan_receive_batch(
		    &side->chan, batch, BATCH, bytes, sizeof(bytes), &received);
	} else if (way == 1) {
		error = ivsh_chan_receive(&side->chan, batch, bytes, sizeof(bytes));
		received = error == 0;
	} else {
		error = ivsh_chan_peek(&side->chan, batch);
		received = error == 0;
	}
	side->wrong += error != 0 && error != IVSH_EAGAIN;
	for (uint32_t i = 0; i < received; i++)
		came(side, &batch[i]);
	if (way == 2 && !error)
		side->wrong += ivsh_chan_release(&side->chan) != 0;
	return received != 0;
}

/* Numbers in both directions; a side begins a new incarnation now and then. */
static void *numbers(void *arg)
{
	struct side *side = arg;
	struct ivsh_peer other = {0};
	struct ivsh_counters counters;

	for (uint32_t turn = 1; (side->put < messages || side->got < messages) && !side->wrong;
	     turn++) {
		/* Ways change now and then, so that each of them is also in a row. */
		if (side->put < messages)
			put(side, turn / 16 % 3);
		if (!get(side, turn / 10 % 3) && turn % 7 == 0)
			wait_for(side);
		if (turn % 50 == 0)
			side->wrong += ivsh_region_peer(&side->region, 1 - side->self, &other) != 0;
		if (turn % 90 == 0)
			side->wrong +=
			    ivsh_region_counters(&side->region, 1 - side->self, &counters) != 0;
		if (turn % (999 + side->self) == 0)
			side->wrong += side_open(side) != 0;
	}
	return NULL;
}

/* A stream both ways, to its end. */
static void *stream(void *arg)
{
	struct side *side = arg;
	uint8_t bytes[5000];
	uint32_t done;
	int error;

	side->wrong += ivsh_stream_open(&side->stream, &side->chan, PORT, side->buffer,
			   sizeof(side->buffer)) != 0;
	while (!side->wrong && !(side->over && side->stream.tx.ended)) {
		uint32_t left = stream_bytes - side->wrote, before = side->wrote + side->read;

		for (uint32_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((side->wrote + i) * 7);
		error = left == 0 ? ivsh_stream_finish(&side->stream)
				  : ivsh_stream_write(&side->stream, bytes,
					left < sizeof(bytes) ? left : sizeof(bytes), &done);
		side->wrong += error != 0 && error != IVSH_EAGAIN;
		side->wrote += error == 0 && left != 0 ? done : 0;
		if (side->over)
			continue;
		error = ivsh_stream_read(&side->stream, bytes, sizeof(bytes), &done);
		side->wrong += error != 0 && error != IVSH_EAGAIN;
		for (uint32_t i = 0; i < done; i++)
			side->wrong += bytes[i] != (uint8_t)((side->read + i) * 7);
		side->read += done;
		side->over = error == 0 && done == 0;
		if (before == side->wrote + side->read)
			wait_for(side);
	}
	return NULL;
}

static void both(void *(*run)(void *), struct side *sides)
{
	const struct ivsh_geometry geometry = {2, DESCS, 8192, 8192, 0};
	pthread_t threads[2];

	memset(memory, 0, sizeof(memory));
	NEED_EQ(ivsh_region_format(memory, sizeof(memory), &geometry, 1, true), 0);
	for (uint32_t i = 0; i < 2; i++) {
		memset(&sides[i], 0, sizeof(sides[i]));
		sides[i].self = i;
		NEED_EQ(side_open(&sides[i]), 0);
	}
	for (uint32_t i = 0; i < 2; i++)
		NEED_EQ(pthread_create(&threads[i], NULL, run, &sides[i]), 0);
	for (uint32_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(sides[0].wrong, 0);
	CHECK_EQ(sides[1].wrong, 0);
}

static struct side sides[2];

static void pair_numbers(void)
{
	messages = getenv("IVSH_SOAK") ? 300000 : 30000;
	both(numbers, sides);
	CHECK_EQ(sides[0].got, messages);
	CHECK_EQ(sides[1].got, messages);
}

static void pair_stream(void)
{
	stream_bytes = getenv("IVSH_SOAK") ? 256u << 20 : 8u << 20;
	both(stream, sides);
	CHECK_EQ(sides[0].read, stream_bytes);
	CHECK_EQ(sides[1].read, stream_bytes);
}

static const struct test tests[] = {
    {"numbers both ways, and new lives", pair_numbers},
    {"a stream both ways", pair_stream},
};

int main(void)
{
	return test_main("pair", tests, sizeof(tests) / sizeof(tests[0]));
}
