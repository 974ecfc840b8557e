/* SPDX-License-Identifier: MIT */
/*
 * ck.c - Concurrency Kit's ck_ring, one producer and one consumer, slots of a fixed size.
 *
 * No batch and no reading in place: it has neither for one producer and one consumer.
 */
#include "tests/bench/native/loops.h"

#include <ck_ring.h>
#include <string.h>

struct ring {
	_Alignas(64) struct ck_ring ring;
	_Alignas(64) uint8_t slots[];
};

struct end {
	struct ring *tx, *rx;
};

static bool can(enum mode mode, uint32_t size)
{
	return mode == MODE_STREAM || (mode == MODE_ROUNDTRIP && size < SIZE_MOST);
}

static uint64_t ring_bytes(uint32_t size)
{
	return (sizeof(struct ring) + (uint64_t)SLOTS_FOR(size) * size + 4095) & ~UINT64_C(4095);
}

static uint64_t bytes(uint32_t size)
{
	return 2 * ring_bytes(size);
}

static void make(uint8_t *memory, uint64_t size, uint32_t message)
{
	(void)size;
	ck_ring_init(&((struct ring *)(void *)memory)->ring, SLOTS_FOR(message));
	ck_ring_init(
	    &((struct ring *)(void *)(memory + ring_bytes(message)))->ring, SLOTS_FOR(message));
}

/* What CK_RING_PROTOTYPE() makes of a struct of (size) bytes. */
INLINE bool put(void *end, const uint8_t *data, uint32_t size)
{
	struct ring *r = ((struct end *)end)->tx;

	return _ck_ring_enqueue_sp(&r->ring, r->slots, data, size, NULL);
}

INLINE bool take(void *end, uint8_t *data, uint32_t size)
{
	struct ring *r = ((struct end *)end)->rx;

	return _ck_ring_dequeue_sc(&r->ring, r->slots, data, size);
}

static void run(struct job *job, enum mode mode)
{
	struct ring *there = (struct ring *)(void *)job->memory;
	struct ring *back = (struct ring *)(void *)(job->memory + ring_bytes(job->size));
	struct end end = {job->side == 0 ? there : back, job->side == 0 ? back : there};

	if (mode == MODE_STREAM)
		stream(job, &end, put, take);
	else
		roundtrip(job, &end, put, take);
}

const struct contender bench_ck = {"ck_ring", false, can, bytes, make, run};
