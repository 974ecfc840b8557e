/* SPDX-License-Identifier: MIT */
/*
 * ivsh.c - our own channel, through the public headers, all checks on.
 */
#include "tests/bench/native/loops.h"

#include <ivsh/channel.h>
#include <ivsh/wire.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_WIRE_DESCS_MAX];
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

/* The memory that ivsh_geometry_fit() is asked for: enough for all that it would want. */
#define ENOUGH (UINT64_C(64) << 20)

/* That of (text), DESCS,SMALL,LARGE; or where it is empty, what the library chooses. */
static struct ivsh_geometry geometry_of(const char *text)
{
	struct ivsh_geometry g = {.slots = 2};
	uint64_t bytes;
	char behind;

	if (*text == '\0') {
		need(ivsh_geometry_fit(ENOUGH, 2, &g, NULL), "geometry");
		return g;
	}
	if (sscanf(text, "%u,%u,%u%c", &g.descs, &g.small_size, &g.large_size, &behind) != 3 ||
	    ivsh_geometry_size(&g, &bytes) != 0) {
		fprintf(stderr, "bench: %s: no geometry: DESCS,SMALL,LARGE, each a power of two\n",
		    text);
		exit(2);
	}
	return g;
}

static uint64_t bytes_of(const char *text)
{
	struct ivsh_geometry g = geometry_of(text);
	uint64_t bytes;

	need(ivsh_geometry_size(&g, &bytes), "size");
	return bytes;
}

static void make_of(uint8_t *memory, uint64_t size, const char *text)
{
	struct ivsh_geometry g = geometry_of(text);

	need(ivsh_region_format(memory, size, &g, bench_now_ns(), true), "format");
}

/* Whether such a message fits into a region of that geometry at all. */
static bool can_of(enum mode mode, uint32_t size, const char *text)
{
	if (size > geometry_of(text).large_size)
		return false;
	if (mode == MODE_BATCH)
		return size <= 4096;
	return mode != MODE_ROUNDTRIP || size < SIZE_MOST;
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

static void run_in(struct job *job, enum mode mode, struct ivsh_mem mem)
{
	static struct end end;
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = job->side + 1};

	mem.self = job->side;
	mem.doorbell = (struct ivsh_doorbell){
	    .notify = ring, .count = notified, .now_ns = now_ns, .sleep = sleep_never};
	need(ivsh_region_attach(&end.region, &mem, &attach), "attach");
	need(ivsh_chan_open(
		 &end.chan, &end.region, 1 - job->side, end.records, end.region.geometry.descs),
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

static void run(struct job *job, enum mode mode)
{
	run_in(job, mode, (struct ivsh_mem){.base = job->memory, .size = job->bytes});
}

static bool can(enum mode mode, uint32_t size)
{
	return can_of(mode, size, bench_geometry);
}

static uint64_t bytes(uint32_t size)
{
	(void)size;
	return bytes_of(bench_geometry);
}

static void make(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)message;
	make_of(memory, size, bench_geometry);
}

static bool can_tuned(enum mode mode, uint32_t size)
{
	return *bench_tuned_geometry != '\0' && can_of(mode, size, bench_tuned_geometry);
}

static uint64_t bytes_tuned(uint32_t size)
{
	(void)size;
	return bytes_of(bench_tuned_geometry);
}

static void make_tuned(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)message;
	make_of(memory, size, bench_tuned_geometry);
}

/* A split region of the same geometry: its common memory, and a part for each side. */
static uint64_t part_bytes(void)
{
	struct ivsh_geometry g = geometry_of(bench_geometry);
	uint64_t bytes;

	need(ivsh_part_size(&g, &bytes), "part's size");
	return bytes;
}

static uint64_t bytes_split(uint32_t size)
{
	(void)size;
	return IVSH_WIRE_COMMON_SIZE + 2 * part_bytes();
}

static uint8_t *part_at(uint8_t *memory, uint32_t slot)
{
	return memory + IVSH_WIRE_COMMON_SIZE + slot * part_bytes();
}

static void make_split(uint8_t *memory, uint64_t size, uint32_t message)
{
	struct ivsh_geometry g = geometry_of(bench_geometry);
	uint64_t id = bench_now_ns();

	(void)size;
	(void)message;
	for (uint32_t slot = 0; slot < 2; slot++)
		need(ivsh_part_format(part_at(memory, slot), part_bytes(), &g, id, slot, true),
		    "part");
	need(ivsh_split_format(memory, IVSH_WIRE_COMMON_SIZE, &g, id, true), "format");
}

/* Each side can store into its own part alone. */
static void run_split(struct job *job, enum mode mode)
{
	static struct ivsh_mem_part parts[2];
	struct ivsh_mem mem = {.base = job->memory,
	    .size = IVSH_WIRE_COMMON_SIZE,
	    .parts = parts,
	    .part_count = 2,
	    .split = ivsh_attach_split};
	uint8_t *other = part_at(job->memory, 1 - job->side);

	for (uint32_t slot = 0; slot < 2; slot++)
		parts[slot] = (struct ivsh_mem_part){.base = part_at(job->memory, slot),
		    .size = part_bytes(),
		    .slot = slot,
		    .is_writable = slot == job->side};
	if (mprotect(job->memory, IVSH_WIRE_COMMON_SIZE, PROT_READ) ||
	    mprotect(other, part_bytes(), PROT_READ)) {
		perror("bench: mprotect");
		_Exit(1);
	}
	run_in(job, mode, mem);
}

const struct contender bench_ivsh = {"ivsh", false, can, bytes, make, run};
const struct contender bench_ivsh_tuned = {
    "ivsh_tuned", false, can_tuned, bytes_tuned, make_tuned, run};
const struct contender bench_ivsh_split = {
    "ivsh_split", false, can, bytes_split, make_split, run_split};
