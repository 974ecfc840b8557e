/* SPDX-License-Identifier: MIT */
/*
 * copy.h - payloads in and out, by size.
 *
 * Up to COPY_WORDS bytes go by words, the last ones overlap: a call costs more than they do.
 * No registers but the general ones: an interrupt handler may send. The C library, which knows its
 * processor, copies larger ones.
 */
#ifndef IVSH_CORE_COPY_H
#define IVSH_CORE_COPY_H

#include <stddef.h>
#include <stdint.h>

/*
 * The C library's, called. Compiled for size, the builtin becomes a string instruction that goes
 * byte by byte, and an emulator executes each step alone.
 */
void *(memcpy)(void *restrict to, const void *restrict from, size_t size);

static inline uint64_t copy_load(const uint8_t *from)
{
	uint64_t word;

	__builtin_memcpy(&word, from, sizeof(word));
	return word;
}

/*
 * A private copy of bytes that another peer may be writing: the caller checks and uses the same
 * values. Without the second line a compiler may load fields from the original, one by one, each
 * when it is used, and some more than once. SPEC R9.2.
 */
static inline void copy_private(void *to, const void *from, uint32_t size)
{
	__builtin_memcpy(to, from, size);
	__asm__ volatile("" : : "r"(to) : "memory");
}

/* Up to 8 bytes as a word, the rest of it 0. */
static inline uint64_t copy_short(const void *data, uint32_t size)
{
	const uint8_t *from = data;
	uint64_t word = 0;

	if (__builtin_expect(size == 8, 1))
		return copy_load(from);
	for (uint32_t i = size; i-- != 0;)
		word = word << 8 | from[i];
	return word;
}

/* ... and out of it. */
static inline void copy_short_out(void *data, uint64_t word, uint32_t size)
{
	uint8_t *to = data;

	if (__builtin_expect(size == 8, 1)) {
		__builtin_memcpy(to, &word, sizeof(word));
		return;
	}
	for (uint32_t i = 0; i < size; i++, word >>= 8)
		to[i] = (uint8_t)word;
}

/* size: more than 8. Twice the largest power of two that is less, from both ends. */
static inline void copy_small(uint8_t *to, const uint8_t *from, uint32_t size)
{
	if (size > 32) {
		__builtin_memcpy(to, from, 32);
		__builtin_memcpy(to + size - 32, from + size - 32, 32);
	} else if (size > 16) {
		__builtin_memcpy(to, from, 16);
		__builtin_memcpy(to + size - 16, from + size - 16, 16);
	} else {
		__builtin_memcpy(to, from, 8);
		__builtin_memcpy(to + size - 8, from + size - 8, 8);
	}
}

/*
 * Where vector registers may be used the C library's way is the best from here on; else up to here
 * words in a row are: string instructions cost an emulator 7 ns a word, a processor their start.
 * Where a word has to be aligned, as in a guest of aarch64 or riscv64, a compiler calls memcpy()
 * for each copy of bytes that it is not sure of: one call is better than several.
 */
#if defined(__SSE2__) || (defined(__aarch64__) && __STDC_HOSTED__)
#define COPY_WORDS 64u
#elif defined(__x86_64__) || defined(__i386__)
#define COPY_WORDS 1024u
#else
#define COPY_WORDS 0u
#endif

/* size: more than 8. */
static inline void copy(void *to_, const void *from_, uint32_t size)
{
	uint8_t *to = to_;
	const uint8_t *from = from_;

	if (size > COPY_WORDS) {
		__builtin_memcpy(to, from, size);
		return;
	}
	for (; size > 64; size -= 32, to += 32, from += 32)
		__builtin_memcpy(to, from, 32);
	copy_small(to, from, size);
}

#endif
