/* SPDX-License-Identifier: MIT */
/*
 * ivsh.c - our own channel, through the public headers, all checks on.
 *
 * No batch: the interface has none.
 */
#include "loops.h"

#include <ivsh/channel.h>

#include <stdio.h>
#include <stdlib.h>

#define DESCS_MOST 1024u
#define BULK (2u << 20)

struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[DESCS_MOST];
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

static uint32_t bells(void *ctx)
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
	return mode != MODE_BATCH && (mode != MODE_ROUNDTRIP || size < SIZE_MOST);
}

/* As ivsh_geometry_fit() has it, but for the descriptors. */
static struct ivsh_geometry geometry_of(uint32_t descs)
{
	struct ivsh_geometry geometry = {2, descs, 8192, BULK};

	return geometry;
}

static uint64_t bytes(uint32_t size)
{
	struct ivsh_geometry geometry = geometry_of(DESCS_MOST);
	uint64_t bytes;

	(void)size;
	need(ivsh_geometry_size(&geometry, &bytes), "size");
	return bytes;
}

static void make(uint8_t *memory, uint64_t size, uint32_t descs)
{
	struct ivsh_geometry geometry = geometry_of(descs);

	need(ivsh_region_format(memory, size, &geometry, bench_now_ns(), true), "format");
}

static void make_64(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)message;
	make(memory, size, 64);
}

static void make_1024(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)message;
	make(memory, size, DESCS_MOST);
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

static void run(struct job *job, enum mode mode)
{
	static struct end end;
	struct ivsh_mem mem = {
	    .base = job->memory,
	    .size = job->bytes,
	    .self = job->side,
	    .bell = {NULL, 0, ring, bells, now_ns, sleep_never, NULL},
	};
	struct ivsh_attach attach = {.nonce = job->side + 1};

	need(ivsh_region_attach(&end.region, &mem, &attach), "attach");
	need(
	    ivsh_chan_open(&end.chan, &end.region, 1 - job->side, end.records, DESCS_MOST), "open");
	if (mode == MODE_STREAM)
		stream(job, &end, put, take);
	else if (mode == MODE_ZEROCOPY)
		stream(job, &end, put_in_place, take_in_place);
	else
		roundtrip(job, &end, put, take);
}

const struct contender bench_ivsh = {"ivsh", false, can, bytes, make_64, run};
const struct contender bench_ivsh_1024 = {"ivsh-1024", false, can, bytes, make_1024, run};
