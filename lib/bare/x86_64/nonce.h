/* SPDX-License-Identifier: MIT */
/*
 * nonce.h - a number that differs from one start to the next. For bare metal and UEFI.
 */
#ifndef X86_NONCE_H
#define X86_NONCE_H

#include <stdint.h>

/* Spread every bit of (x) over the whole answer: the finalizer of splitmix64. */
static inline uint64_t x86_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/*
 * A nonce from RDRAND, if the processor has it, from the time stamp counter, and from (more): what
 * the caller has of random numbers or time, or 0. Not for secrets.
 */
uint64_t x86_nonce(uint64_t more);

#endif
