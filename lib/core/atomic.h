/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the only way to a shared word.
 *
 * Each load is one access of one aligned word that another peer may be writing. So the library
 * copies the value, checks the copy, and uses the copy; it reads no word twice for one decision
 * (SPEC R9.2). An acquire here pairs with the release that stored the value it found.
 */
#ifndef IVSH_CORE_ATOMIC_H
#define IVSH_CORE_ATOMIC_H

#include <stdint.h>

/*
 * One instruction: a call would be longer, too, but a compiler that counts bytes does not see it.
 */
#define INLINED inline __attribute__((__always_inline__))

/*
 * Tests see, and disturb, each access: under IVSH_HOOK they define this function, which is called
 * before every load, and before and after every store. No released build has it.
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

/*
 * Before its version 14 gcc makes of each atomic store for RISC-V an exchange: a read-modify-write,
 * which SPEC R1.2 keeps out of the memory, and which costs more. A volatile store is plain there.
 */
#if defined(__riscv) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 14
#define STORE(word, value) ((void)(*(volatile __typeof__(*(word)) *)(word) = (value)))
#define STORE_RELEASE(word, value) (__atomic_thread_fence(__ATOMIC_RELEASE), STORE(word, value))
#else
#define STORE(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
#define STORE_RELEASE(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)
#endif

static INLINED uint8_t load8(const uint8_t *byte)
{
	ivsh_hook(HOOK_LOAD, byte, sizeof(*byte));
	return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

static INLINED void store8(uint8_t *byte, uint8_t value)
{
	ivsh_hook(HOOK_STORE, byte, sizeof(*byte));
	STORE(byte, value);
	ivsh_hook(HOOK_STORED, byte, sizeof(*byte));
}

static INLINED uint32_t load32(const uint32_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static INLINED uint32_t load32_acquire(const uint32_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static INLINED void store32(uint32_t *word, uint32_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	STORE(word, value);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

static INLINED void store32_release(uint32_t *word, uint32_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	STORE_RELEASE(word, value);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

/*
 * Words of 8 bytes. Tests set IVSH_HALVES on a machine that does not need it.
 */
#if UINTPTR_MAX > UINT32_MAX && !defined(IVSH_HALVES)

_Static_assert(__atomic_always_lock_free(sizeof(uint64_t), 0), "one access of 8 bytes");

static INLINED uint64_t load64(const uint64_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static INLINED uint64_t load64_acquire(const uint64_t *word)
{
	ivsh_hook(HOOK_LOAD, word, sizeof(*word));
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static INLINED void store64(uint64_t *word, uint64_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	STORE(word, value);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

static INLINED void store64_release(uint64_t *word, uint64_t value)
{
	ivsh_hook(HOOK_STORE, word, sizeof(*word));
	STORE_RELEASE(word, value);
	ivsh_hook(HOOK_STORED, word, sizeof(*word));
}

/* A word that was valid is so no more: (value) says that by its high half. */
static INLINED void store64_retire(uint64_t *word, uint64_t value)
{
	store64(word, value);
}

#else

/*
 * A machine whose registers have 4 bytes has no access of 8 bytes that is always a single one: some
 * compilers use a loop or floating point for it, others call a function that takes a lock of its
 * own. So such a word is two halves. The high one is stored last and loaded first. In each word
 * that steers, a new high half says that the low half is there, or both are compared with what is
 * expected. SPEC R1.3.
 */
static INLINED uint64_t load64_halves(const uint64_t *word, int order)
{
	const uint32_t __attribute__((__may_alias__)) *half = (const void *)word;
	uint32_t high, low;

	ivsh_hook(HOOK_LOAD, &half[1], sizeof(half[1]));
	high = order == __ATOMIC_ACQUIRE ? __atomic_load_n(&half[1], __ATOMIC_ACQUIRE)
					 : __atomic_load_n(&half[1], __ATOMIC_RELAXED);
	ivsh_hook(HOOK_LOAD, &half[0], sizeof(half[0]));
	low = order == __ATOMIC_ACQUIRE ? __atomic_load_n(&half[0], __ATOMIC_ACQUIRE)
					: __atomic_load_n(&half[0], __ATOMIC_RELAXED);
	return (uint64_t)high << 32 | low;
}

static INLINED void store64_halves(uint64_t *word, uint64_t value, int order)
{
	uint32_t __attribute__((__may_alias__)) *half = (void *)word;

	ivsh_hook(HOOK_STORE, &half[0], sizeof(half[0]));
	STORE(&half[0], (uint32_t)value);
	ivsh_hook(HOOK_STORED, &half[0], sizeof(half[0]));
	ivsh_hook(HOOK_STORE, &half[1], sizeof(half[1]));
	if (order == __ATOMIC_RELEASE)
		STORE_RELEASE(&half[1], (uint32_t)(value >> 32));
	else
		STORE(&half[1], (uint32_t)(value >> 32));
	ivsh_hook(HOOK_STORED, &half[1], sizeof(half[1]));
}

static INLINED uint64_t load64(const uint64_t *word)
{
	return load64_halves(word, __ATOMIC_RELAXED);
}

static INLINED uint64_t load64_acquire(const uint64_t *word)
{
	return load64_halves(word, __ATOMIC_ACQUIRE);
}

static INLINED void store64(uint64_t *word, uint64_t value)
{
	store64_halves(word, value, __ATOMIC_RELAXED);
}

static INLINED void store64_release(uint64_t *word, uint64_t value)
{
	store64_halves(word, value, __ATOMIC_RELEASE);
}

/*
 * The high half alone: while it still says that the word is valid, a reader may have loaded it, and
 * would take another low half for the word's. SPEC R1.3.6.
 */
static INLINED void store64_retire(uint64_t *word, uint64_t value)
{
	uint32_t __attribute__((__may_alias__)) *half = (void *)word;

	ivsh_hook(HOOK_STORE, &half[1], sizeof(half[1]));
	STORE(&half[1], (uint32_t)(value >> 32));
	ivsh_hook(HOOK_STORED, &half[1], sizeof(half[1]));
}

#endif

/*
 * A word of 8 bytes that no other peer writes, but the machine below this one: the VM generation.
 * In program order behind the loads before it: a machine is moved between two instructions.
 */
static INLINED uint64_t load64_private(const uint64_t *word)
{
	const uint32_t __attribute__((__may_alias__)) *half = (const void *)word;

	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	if (sizeof(uintptr_t) >= sizeof(*word))
		return *word;
	return (uint64_t)half[1] << 32 | half[0];
}

/* Orders a store before it against a load behind it: what acquire and release do not. */
static INLINED void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Orders all loads before it against the loads and stores behind it: bytes that are copied, plain,
 * before a word that says whether they are to be believed.
 */
static INLINED void fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Orders all loads and stores before it against the stores behind it. */
static INLINED void fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/*
 * Keeps a load behind a store in the program, but not in the processor, which would cost a fence.
 * For the loads of notify flags after a store: SPEC R8.7 says why that is enough.
 */
static inline void order_program(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif
