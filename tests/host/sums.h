/* SPDX-License-Identifier: MIT */
/*
 * sums.h - what a stream carries in the tests of the host library: pseudo-random bytes, and sums
 * over them. One end is looper.c, the other looper.c or, in a guest, tests/guest/sums.c.
 */
#ifndef TESTS_HOST_SUMS_H
#define TESTS_HOST_SUMS_H

#include <stdint.h>

/* A message on SUMS_ASK has how many bytes the other end is to send on SUMS_STREAM, and ends. */
#define SUMS_ASK 20u
#define SUMS_STREAM 30u

/* What one end has sent, or received. */
struct sums {
	uint64_t bytes;
	uint64_t low, high; /* Fletcher's checksum, without its modulus */
	uint64_t state;     /* of the generator */
};

static inline void sums_add(struct sums *sums, const uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		sums->low += data[i];
		sums->high += sums->low;
	}
	sums->bytes += size;
}

/* Make the next (size) bytes, a multiple of 8, and add them. */
static inline void sums_make(struct sums *sums, uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 8) {
		sums->state = sums->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		__builtin_memcpy(data + i, &sums->state, 8);
	}
	sums_add(sums, data, size);
}

#endif
