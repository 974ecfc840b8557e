/* SPDX-License-Identifier: MIT */
/*
 * nonce.c - a number that differs from one start to the next.
 *
 * The time stamp counter alone tells two starts apart: QEMU's is the host's, and no two machines on
 * one host see the same value.
 */
#include "bare/x86_64/nonce.h"

#include "bare/mix.h"
#include "bare/x86_64/cpu.h"

#define CPUID_RDRAND (UINT32_C(1) << 30) /* leaf 1, ECX: SDM volume 2, CPUID */
#define RDRAND_TRIES 10u                 /* Software Developer's Manual, volume 1, 7.3.17.1 */

/* A random number. False: the processor has none to give. */
static bool rdrand(uint64_t *value)
{
	uint8_t good = 0;

	if ((x86_cpuid(1).ecx & CPUID_RDRAND) == 0)
		return false;
	for (uint32_t i = 0; i < RDRAND_TRIES && !good; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
	return good;
}

uint64_t x86_nonce(uint64_t more)
{
	uint64_t random = 0;

	if (!rdrand(&random))
		random = 0;
	return bare_mix(random ^ bare_mix(more ^ bare_mix(x86_tsc())));
}
