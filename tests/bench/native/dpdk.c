/* SPDX-License-Identifier: MIT */
/*
 * dpdk.c - DPDK's rte_ring with elements of a fixed size, one producer and one consumer.
 *
 * The ring needs nothing of DPDK's environment (EAL): it is initialised in memory of ours. What it
 * copies itself it copies by words of 4 to 16 bytes; its own answer to that is the zero-copy
 * interface, which is measured beside it.
 */
#include "tests/bench/native/loops.h"

#include <rte_config.h>

#include <rte_ring.h>
#include <rte_ring_peek_zc.h>
#include <string.h>

struct end {
	struct rte_ring *tx, *rx;
};

static bool can(enum mode mode, uint32_t size)
{
	if (mode == MODE_BATCH)
		return size <= 4096;
	return mode != MODE_ROUNDTRIP || size < SIZE_MOST;
}

static uint64_t ring_bytes(uint32_t size)
{
	ssize_t bytes = rte_ring_get_memsize_elem(size, SLOTS_FOR(size));

	return ((uint64_t)bytes + 4095) & ~UINT64_C(4095);
}

static uint64_t bytes(uint32_t size)
{
	return 2 * ring_bytes(size);
}

static void make(uint8_t *memory, uint64_t size, uint32_t message)
{
	uint32_t flags = RING_F_SP_ENQ | RING_F_SC_DEQ;

	(void)size;
	(void)rte_ring_init((void *)memory, "there", SLOTS_FOR(message), flags);
	(void)rte_ring_init(
	    (void *)(memory + ring_bytes(message)), "back", SLOTS_FOR(message), flags);
}

INLINE bool put(void *end, const uint8_t *data, uint32_t size)
{
	return rte_ring_sp_enqueue_elem(((struct end *)end)->tx, (void *)(uintptr_t)data, size) ==
	       0;
}

INLINE bool take(void *end, uint8_t *data, uint32_t size)
{
	return rte_ring_sc_dequeue_elem(((struct end *)end)->rx, data, size) == 0;
}

INLINE uint32_t put_many(void *end, const uint8_t *data, uint32_t size, uint32_t count)
{
	return rte_ring_sp_enqueue_burst_elem(((struct end *)end)->tx, data, size, count, NULL);
}

INLINE uint32_t take_many(void *end, uint8_t *data, uint32_t size, uint32_t count)
{
	return rte_ring_sc_dequeue_burst_elem(((struct end *)end)->rx, data, size, count, NULL);
}

/* Copies in and out by memcpy() are its round trip: faster than those of its own. */
INLINE bool put_in_place(void *end, const uint8_t *data, uint32_t size)
{
	struct rte_ring *r = ((struct end *)end)->tx;
	struct rte_ring_zc_data place;

	if (rte_ring_enqueue_zc_burst_elem_start(r, size, 1, &place, NULL) == 0)
		return false;
	memcpy(place.ptr1, data, size);
	rte_ring_enqueue_zc_elem_finish(r, 1);
	return true;
}

INLINE bool take_in_place(void *end, uint8_t *data, uint32_t size)
{
	struct rte_ring *r = ((struct end *)end)->rx;
	struct rte_ring_zc_data place;

	if (rte_ring_dequeue_zc_burst_elem_start(r, size, 1, &place, NULL) == 0)
		return false;
	keep_sum(data, look_at(place.ptr1, size));
	rte_ring_dequeue_zc_elem_finish(r, 1);
	return true;
}

INLINE bool take_by_copy(void *end, uint8_t *data, uint32_t size)
{
	struct rte_ring *r = ((struct end *)end)->rx;
	struct rte_ring_zc_data place;

	if (rte_ring_dequeue_zc_burst_elem_start(r, size, 1, &place, NULL) == 0)
		return false;
	memcpy(data, place.ptr1, size);
	rte_ring_dequeue_zc_elem_finish(r, 1);
	return true;
}

static void run(struct job *job, enum mode mode)
{
	struct rte_ring *there = (struct rte_ring *)(void *)job->memory;
	struct rte_ring *back = (struct rte_ring *)(void *)(job->memory + ring_bytes(job->size));
	struct end end = {job->side == 0 ? there : back, job->side == 0 ? back : there};

	if (mode == MODE_STREAM)
		stream(job, &end, put, take);
	else if (mode == MODE_ZEROCOPY)
		stream(job, &end, put_in_place, take_in_place);
	else if (mode == MODE_BATCH)
		batch(job, &end, put_many, take_many);
	else
		roundtrip(job, &end, put_in_place, take_by_copy);
}

const struct contender bench_dpdk = {"rte_ring", false, can, bytes, make, run};
