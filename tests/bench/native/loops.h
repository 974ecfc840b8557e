/* SPDX-License-Identifier: MIT */
/*
 * loops.h - the loops that are measured, the same for every contender.
 *
 * All is inlined where it is used, with the size as a constant: a contender of inline functions
 * gets what it would get in a program that knows its sizes.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include "tests/bench/native/bench.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* One message, or false: no room, or nothing there. */
typedef bool (*put_fn)(void *end, const uint8_t *data, uint32_t size);
typedef bool (*take_fn)(void *end, uint8_t *data, uint32_t size);
/* How many of BATCH messages went. */
typedef uint32_t (*put_many_fn)(void *end, const uint8_t *data, uint32_t size, uint32_t count);
typedef uint32_t (*take_many_fn)(void *end, uint8_t *data, uint32_t size, uint32_t count);

INLINE void put_all(void *end, put_fn put, const uint8_t *data, uint32_t size, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		while (!put(end, data, size))
			_mm_pause();
}

INLINE void take_all(void *end, take_fn take, uint8_t *data, uint32_t size, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		while (!take(end, data, size))
			_mm_pause();
}

INLINE void stream_of(struct job *job, void *end, put_fn put, take_fn take, uint32_t size)
{
	if (job->side == 0) {
		put_all(end, put, job->out, size, job->warm + job->count);
		return;
	}
	take_all(end, take, job->in, size, job->warm);
	job->start_ns = bench_now_ns();
	take_all(end, take, job->in, size, job->count);
	job->end_ns = bench_now_ns();
}

INLINE void roundtrip_of(struct job *job, void *end, put_fn put, take_fn take, uint32_t size)
{
	for (uint32_t i = 0; i < job->warm + job->count; i++) {
		if (i == job->warm)
			job->start_ns = bench_now_ns();
		if (job->side == 0)
			put_all(end, put, job->out, size, 1);
		take_all(end, take, job->in, size, 1);
		if (job->side == 1)
			put_all(end, put, job->out, size, 1);
	}
	job->end_ns = bench_now_ns();
}

INLINE void put_batches(
    void *end, put_many_fn put, const uint8_t *data, uint32_t size, uint32_t count)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t next = done % BATCH, n = put(end, data + next * size, size, BATCH - next);

		if (n == 0)
			_mm_pause();
		done += n;
	}
}

INLINE void take_batches(void *end, take_many_fn take, uint8_t *data, uint32_t size, uint32_t count)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t next = done % BATCH, n = take(end, data + next * size, size, BATCH - next);

		if (n == 0)
			_mm_pause();
		done += n;
	}
}

INLINE void batch_of(struct job *job, void *end, put_many_fn put, take_many_fn take, uint32_t size)
{
	if (job->side == 0) {
		put_batches(end, put, job->out, size, job->warm + job->count);
		return;
	}
	take_batches(end, take, job->in, size, job->warm);
	job->start_ns = bench_now_ns();
	take_batches(end, take, job->in, size, job->count);
	job->end_ns = bench_now_ns();
}

/* The sizes that are measured, each as a constant. */
#define BY_SIZE(job, end, loop, put, take)            \
	switch ((job)->size) {                        \
	case 8:                                       \
		loop(job, end, put, take, 8);         \
		break;                                \
	case 64:                                      \
		loop(job, end, put, take, 64);        \
		break;                                \
	case 256:                                     \
		loop(job, end, put, take, 256);       \
		break;                                \
	case 1024:                                    \
		loop(job, end, put, take, 1024);      \
		break;                                \
	case 4096:                                    \
		loop(job, end, put, take, 4096);      \
		break;                                \
	case 16384:                                   \
		loop(job, end, put, take, 16384);     \
		break;                                \
	case 65536:                                   \
		loop(job, end, put, take, 65536);     \
		break;                                \
	default:                                      \
		loop(job, end, put, take, SIZE_MOST); \
	}

INLINE void stream(struct job *job, void *end, put_fn put, take_fn take){
    BY_SIZE(job, end, stream_of, put, take)}

INLINE void roundtrip(struct job *job, void *end, put_fn put, take_fn take){
    BY_SIZE(job, end, roundtrip_of, put, take)}

INLINE void batch(struct job *job, void *end, put_many_fn put, take_many_fn take){
    BY_SIZE(job, end, batch_of, put, take)}

/* A receiver that copies nothing reads one word of each line. */
INLINE uint64_t look_at(const void *data, uint32_t size)
{
	const uint8_t *bytes = (const uint8_t *)data;
	uint64_t sum = 0;

	for (uint32_t at = 0; at < size; at += 64) {
		uint64_t word;

		__builtin_memcpy(&word, bytes + at, sizeof(word));
		sum += word;
	}
	return sum;
}

/*
 * Keeps the result of look_at(), so that the compiler cannot leave it out and the check finds it.
 */
INLINE void keep_sum(uint8_t *in, uint64_t sum)
{
	__builtin_memcpy(in, &sum, sizeof(sum));
}

#endif
