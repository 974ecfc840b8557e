/* SPDX-License-Identifier: MIT */
/*
 * textbook.c - the ring as it is taught: both indices in one line, each access sequentially
 * consistent.
 */
#include "tests/bench/native/loops.h"

#include <string.h>

struct ring {
	_Alignas(64) uint32_t head;
	uint32_t tail;
	_Alignas(64) uint8_t slots[];
};

struct end {
	struct ring *tx, *rx;
	uint32_t slots;
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
	memset(memory, 0, sizeof(struct ring));
	memset(memory + ring_bytes(message), 0, sizeof(struct ring));
}

INLINE bool put(void *end, const uint8_t *data, uint32_t size)
{
	struct ring *r = ((struct end *)end)->tx;
	uint32_t slots = ((struct end *)end)->slots;
	uint32_t head = __atomic_load_n(&r->head, __ATOMIC_SEQ_CST);

	if (head - __atomic_load_n(&r->tail, __ATOMIC_SEQ_CST) == slots)
		return false;
	memcpy(r->slots + (uint64_t)(head % slots) * size, data, size);
	__atomic_store_n(&r->head, head + 1, __ATOMIC_SEQ_CST);
	return true;
}

INLINE bool take(void *end, uint8_t *data, uint32_t size)
{
	struct ring *r = ((struct end *)end)->rx;
	uint32_t slots = ((struct end *)end)->slots;
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&r->head, __ATOMIC_SEQ_CST) == tail)
		return false;
	memcpy(data, r->slots + (uint64_t)(tail % slots) * size, size);
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_SEQ_CST);
	return true;
}

static void run(struct job *job, enum mode mode)
{
	struct ring *there = (struct ring *)(void *)job->memory;
	struct ring *back = (struct ring *)(void *)(job->memory + ring_bytes(job->size));
	struct end end = {
	    job->side == 0 ? there : back, job->side == 0 ? back : there, SLOTS_FOR(job->size)};

	if (mode == MODE_STREAM)
		stream(job, &end, put, take);
	else
		roundtrip(job, &end, put, take);
}

const struct contender bench_textbook = {"textbook", false, can, bytes, make, run};
