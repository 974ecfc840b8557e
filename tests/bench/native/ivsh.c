/* SPDX-License-Identifier: MIT */
/*
 * ivsh.c - our own channel, through the public headers, all checks on.
 */
#include "tests/bench/native/loops.h"

#include <ivsh/channel.h>

#include <stdio.h>
#include <stdlib.h>

struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_FIT_DESCS];
};

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "bench: ivsh: %s: %s\n", what, ivsh_error_text(error));
	_Exit(1);
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return bench_now_ns();
}

static uint32_t notified(void *ctx)
{
	(void)ctx;
	return 0;
}

static void sleep_never(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	(void)seen;
	(void)deadline_ns;
}

static void ring(void *ctx, uint32_t peer, uint32_t vector)
{
	(void)ctx;
	(void)peer;
	(void)vector;
}

static bool can(enum mode mode, uint32_t size)
{
	if (mode == MODE_BATCH)
		return size <= 4096;
	return mode != MODE_ROUNDTRIP || size < SIZE_MOST;
}

/* As ivsh_geometry_fit() has it where there is enough memory. */
static const struct ivsh_geometry geometry = {2, IVSH_FIT_DESCS, 4096, 4u << 20};

static uint64_t bytes(uint32_t size)
{
	uint64_t bytes;

	(void)size;
	need(ivsh_geometry_size(&geometry, &bytes), "size");
	return bytes;
}

static void make(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)message;
	need(ivsh_region_format(memory, size, &geometry, bench_now_ns(), true), "format");
}

INLINE bool put(void *end, const uint8_t *data, uint32_t size)
{
	struct ivsh_chan *ch = &((struct end *)end)->chan;
	int error = ivsh_chan_send(ch, 1, data, size);

	if (error != 0 && error != IVSH_EAGAIN)
		need(error, "send");
	return error == 0;
}

INLINE bool take(void *end, uint8_t *data, uint32_t size)
{
	struct ivsh_chan *ch = &((struct end *)end)->chan;
	struct ivsh_message message;
	int error = ivsh_chan_receive(ch, &message, data, size);

	if (error != 0 && error != IVSH_EAGAIN)
		need(error, "receive");
	return error == 0;
}

INLINE bool put_in_place(void *end, const uint8_t *data, uint32_t size)
{
	struct ivsh_chan *ch = &((struct end *)end)->chan;
	void *payload;
	int error = ivsh_chan_reserve(ch, size, &payload);

	if (error == IVSH_EAGAIN)
		return false;
	need(error, "reserve");
	__builtin_memcpy(payload, data, size);
	need(ivsh_chan_publish(ch, 1), "publish");
	return true;
}

INLINE bool take_in_place(void *end, uint8_t *data, uint32_t size)
{
	struct ivsh_chan *ch = &((struct end *)end)->chan;
	struct ivsh_message message;
	int error = ivsh_chan_peek(ch, &message);

	if (error == IVSH_EAGAIN)
		return false;
	need(error, "peek");
	keep_sum(data, look_at(message.data, size));
	need(ivsh_chan_release(ch), "release");
	return true;
}

/* (data) is some message of the ready-made ones, and the rest of them. */
INLINE uint32_t put_many(void *end, const uint8_t *data, uint32_t size, uint32_t count)
{
	static struct ivsh_message messages[BATCH];
	static const uint8_t *first;
	uint32_t sent;
	int error;

	if (!first) {
		first = data;
		for (uint32_t i = 0; i < BATCH; i++)
			messages[i] = (struct ivsh_message){data + i * size, size, 1, 0};
	}
	error = ivsh_chan_send_batch(
	    &((struct end *)end)->chan, messages + (data - first) / size, count, &sent);
	if (error != 0 && error != IVSH_EAGAIN)
		need(error, "send a batch");
	return sent;
}

INLINE uint32_t take_many(void *end, uint8_t *data, uint32_t size, uint32_t count)
{
	static struct ivsh_message messages[BATCH];
	uint32_t received;
	int error = ivsh_chan_receive_batch(
	    &((struct end *)end)->chan, messages, count, data, size * count, &received);

	if (error != 0 && error != IVSH_EAGAIN)
		need(error, "receive a batch");
	return received;
}

static void run(struct job *job, enum mode mode)
{
	static struct end end;
	struct ivsh_mem mem = {
	    .base = job->memory,
	    .size = job->bytes,
	    .self = job->side,
	    .doorbell = {NULL, 0, ring, notified, now_ns, sleep_never, NULL},
	};
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = job->side + 1};

	need(ivsh_region_attach(&end.region, &mem, &attach), "attach");
	need(ivsh_chan_open(&end.chan, &end.region, 1 - job->side, end.records, IVSH_FIT_DESCS),
	    "open");
	if (mode == MODE_STREAM)
		stream(job, &end, put, take);
	else if (mode == MODE_ZEROCOPY)
		stream(job, &end, put_in_place, take_in_place);
	else if (mode == MODE_BATCH)
		batch(job, &end, put_many, take_many);
	else
		roundtrip(job, &end, put, take);
}

const struct contender bench_ivsh = {"ivsh", false, can, bytes, make, run};
