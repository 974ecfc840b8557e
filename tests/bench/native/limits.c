/* SPDX-License-Identifier: MIT */
/*
 * limits.c - no rings: the least that two cores have to do for a message.
 *
 * pingpong  a flag in one line there, in another one back
 * slot      a copy into one fixed place, and a flag
 * chunks    a stream without headers through four chunks of 4 KiB: what batches can reach
 * copy      the same through 2 to 4 MiB in chunks of a message: the bandwidth from core to core
 */
#include "tests/bench/native/loops.h"

#include <string.h>

#define CHUNK 4096u
#define CHUNKS 4u
#define COPY_BYTES (4u << 20)

/* A flag on a pair of lines of its own. */
struct flag {
	_Alignas(128) uint32_t value;
};

struct end {
	struct flag *tx, *rx;
	uint8_t *data_tx, *data_rx;
	uint32_t sent, received;
	uint32_t chunk, chunks; /* bytes; how many: those of a stream */
	uint32_t at, index;     /* bytes done of the chunk; which one */
};

#define FLAGS_BYTES 8192u

static uint64_t slot_bytes(uint32_t size)
{
	return FLAGS_BYTES + 2 * (uint64_t)(size < 4096 ? 4096 : size);
}

static void make(uint8_t *memory, uint64_t bytes, uint32_t message)
{
	(void)bytes;
	(void)message;
	memset(memory, 0, FLAGS_BYTES);
}

static bool can_pingpong(enum mode mode, uint32_t size)
{
	return mode == MODE_ROUNDTRIP && size == 8;
}

static bool can_slot(enum mode mode, uint32_t size)
{
	return mode == MODE_ROUNDTRIP && size < SIZE_MOST;
}

INLINE bool flag_put(void *end, const uint8_t *data, uint32_t size)
{
	struct end *e = end;

	(void)data;
	(void)size;
	__atomic_store_n(&e->tx->value, ++e->sent, __ATOMIC_RELEASE);
	return true;
}

INLINE bool flag_take(void *end, uint8_t *data, uint32_t size)
{
	struct end *e = end;

	(void)data;
	(void)size;
	if (__atomic_load_n(&e->rx->value, __ATOMIC_ACQUIRE) == e->received)
		return false;
	e->received++;
	return true;
}

INLINE bool slot_put(void *end, const uint8_t *data, uint32_t size)
{
	memcpy(((struct end *)end)->data_tx, data, size);
	return flag_put(end, data, size);
}

INLINE bool slot_take(void *end, uint8_t *data, uint32_t size)
{
	if (!flag_take(end, data, size))
		return false;
	memcpy(data, ((struct end *)end)->data_rx, size);
	return true;
}

static struct end end_of(const struct job *job)
{
	struct flag *flags = (struct flag *)(void *)job->memory;
	uint8_t *data = job->memory + FLAGS_BYTES;
	uint64_t half = (job->bytes - FLAGS_BYTES) / 2;
	struct end end = {.tx = &flags[job->side],
	    .rx = &flags[1 - job->side],
	    .data_tx = data + job->side * half,
	    .data_rx = data + (1 - job->side) * half};

	return end;
}

static void run_pingpong(struct job *job, enum mode mode)
{
	struct end end = end_of(job);

	(void)mode;
	roundtrip(job, &end, flag_put, flag_take);
}

static void run_slot(struct job *job, enum mode mode)
{
	struct end end = end_of(job);

	(void)mode;
	roundtrip(job, &end, slot_put, slot_take);
}

static bool can_chunks(enum mode mode, uint32_t size)
{
	return mode == MODE_STREAM && size <= CHUNK;
}

static bool can_copy(enum mode mode, uint32_t size)
{
	return mode == MODE_STREAM && size > CHUNK;
}

static uint64_t chunks_bytes(uint32_t size)
{
	(void)size;
	return FLAGS_BYTES + CHUNKS * CHUNK;
}

static uint64_t copy_bytes(uint32_t size)
{
	(void)size;
	return FLAGS_BYTES + COPY_BYTES;
}

/* Go on in the next chunk, and hand this one to the other side: 1 is full, 0 is empty. */
INLINE void chunk_end(struct end *e, uint32_t size, uint32_t value)
{
	e->at += size;
	if (e->at < e->chunk)
		return;
	__atomic_store_n(&e->tx[e->index].value, value, __ATOMIC_RELEASE);
	e->at = 0;
	e->index = (e->index + 1) % e->chunks;
}

INLINE bool chunk_put(void *end, const uint8_t *data, uint32_t size)
{
	struct end *e = end;

	if (e->at == 0 && __atomic_load_n(&e->tx[e->index].value, __ATOMIC_ACQUIRE) != 0)
		return false;
	memcpy(e->data_tx + (uint64_t)e->index * e->chunk + e->at, data, size);
	chunk_end(e, size, 1);
	return true;
}

INLINE bool chunk_take(void *end, uint8_t *data, uint32_t size)
{
	struct end *e = end;

	if (e->at == 0 && __atomic_load_n(&e->tx[e->index].value, __ATOMIC_ACQUIRE) != 1)
		return false;
	memcpy(data, e->data_tx + (uint64_t)e->index * e->chunk + e->at, size);
	chunk_end(e, size, 0);
	return true;
}

static void run_stream(struct job *job, uint32_t chunk, uint32_t chunks)
{
	struct end end = {.tx = (struct flag *)(void *)job->memory,
	    .data_tx = job->memory + FLAGS_BYTES,
	    .chunk = chunk,
	    .chunks = chunks};

	/* The last chunk is full, too. */
	job->warm += chunk / job->size - 1 - (job->warm + job->count - 1) % (chunk / job->size);
	stream(job, &end, chunk_put, chunk_take);
}

static void run_chunks(struct job *job, enum mode mode)
{
	(void)mode;
	run_stream(job, CHUNK, CHUNKS);
}

static void run_copy(struct job *job, enum mode mode)
{
	uint32_t chunks = COPY_BYTES / job->size;

	(void)mode;
	run_stream(job, job->size, chunks < 32 ? chunks : 32);
}

const struct contender bench_pingpong = {
    "pingpong", true, can_pingpong, slot_bytes, make, run_pingpong};
const struct contender bench_slot = {"slot", true, can_slot, slot_bytes, make, run_slot};
const struct contender bench_chunks = {"chunks", true, can_chunks, chunks_bytes, make, run_chunks};
const struct contender bench_copy = {"copy", true, can_copy, copy_bytes, make, run_copy};
