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

/* One instruction: a call would be longer, too, but a compiler that counts bytes does not see it. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/*
 * Tests see, and disturb, each access: under IVSH_HOOK they bring this function, which is called
 * before every load, and before and after every store. Never in what is shipped.
 */
enum hook_kind {
	HOOK_LOAD,
	HOOK_STORE,
	HOOK_STORED,
};

#ifdef IVSH_HOOK
void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size);
#else
static inline void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)kind;
	(void)word;
	(void)size;
}
#endif

static ALWAYS_INLINE uint8_t load8(const uint8_t *byte)
{
	ivsh_hook(HOOK_LOAD, byte, sizeof(*byte));
	return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

static ALWAYS_INLINE void store8(uint8_t *byte, uint8_t value)
{
	ivsh_hook(HOOK_STORE, byte, sizeof(*byte));
	__atomic_store_n(byte, value, __ATOMIC_RELAXED);
	ivsh_hook(HOOK_STORED, byte, sizeof(*byte));
}

static ALWAYS_INLINE uint32_t load32(const uint32_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static ALWAYS_INLINE uint32_t load32_acquire(const uint32_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static ALWAYS_INLINE void store32(uint32_t *word, uint32_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

static ALWAYS_INLINE void store32_release(uint32_t *word, uint32_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

static ALWAYS_INLINE uint64_t load64(const uint64_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static ALWAYS_INLINE uint64_t load64_acquire(const uint64_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static ALWAYS_INLINE void store64(uint64_t *word, uint64_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

static ALWAYS_INLINE void store64_release(uint64_t *word, uint64_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

/* Orders a store before it against a load behind it: what acquire and release do not. */
static ALWAYS_INLINE void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Keeps a load behind a store, in the program; not in the processor, which costs a fence. For what
 * the other side is asked about after a store: SPEC R8.7 says why that is enough.
 */
static inline void order_program(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif
