/* SPDX-License-Identifier: MIT */
/*
 * weak.h - included before each source of the library that a checker of weak memory executes.
 *
 * The checker keeps one value for each address, with one size: so copies go by words of 8 bytes,
 * and nothing is cleared that begins as 0. A fence for signals alone is no fence there, since the
 * checker would take it for one.
 */
#ifndef TESTS_WEAK_WEAK_H
#define TESTS_WEAK_WEAK_H

#include <stddef.h>
#include <stdint.h>

static inline void *weak_copy(void *to_, const void *from_, size_t size)
{
	uint64_t *to = to_;
	const uint64_t *from = from_;

	for (size_t i = 0; i < size / 8; i++)
		to[i] = from[i];
	return to_;
}

#define __builtin_memcpy weak_copy
#define __builtin_memset(to, value, size) ((void)0)
#define __builtin_prefetch(at) ((void)0)
#define __atomic_signal_fence(order) ((void)0)

#endif
