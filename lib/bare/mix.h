/* SPDX-License-Identifier: MIT */
/*
 * mix.h - one number made of several. For bare metal and UEFI.
 */
#ifndef BARE_MIX_H
#define BARE_MIX_H

#include <stdint.h>

/* Spread every bit of (x) over the whole answer: the finalizer of splitmix64. */
static inline uint64_t bare_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif
