/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the only way to a shared word.
 *
 * Each load is one access of one aligned word that somebody else may be writing, so its value is
 * copied, checked, and the copy used; no word is read twice for one decision (SPEC R9.2). An
 * acquire here pairs with the release that stored the value it found.
 */
#ifndef IVSH_CORE_ATOMIC_H
#define IVSH_CORE_ATOMIC_H

#include <stdint.h>

static inline uint32_t load32(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint32_t load32_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void store32(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void store32_release(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint64_t load64(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint64_t load64_acquire(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void store64(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void store64_release(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Orders a store before it against a load behind it: what acquire and release do not. */
static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
