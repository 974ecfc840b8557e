/* SPDX-License-Identifier: MIT */
/*
 * mix.h - one number made of many: for nonces.
 */
#ifndef IVSH_CORE_MIX_H
#define IVSH_CORE_MIX_H

#include <stdint.h>

/* Each word moves all bits that follow it. The constant: 2^64 by the golden ratio, odd. */
static inline uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

#endif
