/* SPDX-License-Identifier: MIT */
/*
 * memtype.c - how the processor caches an address.
 *
 * The processor is asked to translate it: what it answers in PAR_EL1 has the memory attributes of
 * the tables and of MAIR combined (Arm Architecture Reference Manual for A-profile, C5.5 and
 * D17.2.106). So no table is read here, and what the hypervisor has is not seen.
 */
#include "arch/memtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAR_FAULT UINT64_C(1)
#define PAR_SHAREABLE_SHIFT 7 /* 2 bits: 0 is non-shareable */
#define PAR_ATTRIBUTES_SHIFT 56

#define EL2 2u

/* A load at the exception level that the program runs at. */
static uint64_t translate(const void *address)
{
	uint64_t level, saved, par;

	__asm__ volatile("mrs %0, CurrentEL" : "=r"(level));
	__asm__ volatile("mrs %0, par_el1" : "=r"(saved));
	if ((level >> 2 & 3) == EL2)
		__asm__ volatile("at s1e2r, %0; isb" : : "r"(address) : "memory");
	else
		__asm__ volatile("at s1e1r, %0; isb" : : "r"(address) : "memory");
	__asm__ volatile("mrs %0, par_el1" : "=r"(par));
	__asm__ volatile("msr par_el1, %0" : : "r"(saved));
	return par;
}

/* One half, outer or inner, of the attributes of Normal memory: 0100 is non-cacheable, */
static bool is_uncached(uint32_t half)
{
	return half == 4;
}

/* x1xx is write-back otherwise, and x0xx write-through. */
static bool is_write_back(uint32_t half)
{
	return (half & 4) != 0;
}

const char *memtype(const void *address)
{
	uint64_t par = translate(address);
	uint32_t attributes = (uint32_t)(par >> PAR_ATTRIBUTES_SHIFT), outer = attributes >> 4,
		 inner = attributes & 15;

	if ((par & PAR_FAULT) != 0)
		return NULL;
	if (outer == 0)
		return "device memory";
	/* The half that caches less counts. */
	if (is_uncached(outer) || is_uncached(inner))
		return "uncached";
	if (!is_write_back(outer) || !is_write_back(inner))
		return "write-through";
	return (par >> PAR_SHAREABLE_SHIFT & 3) != 0 ? "write-back" : "write-back, not shareable";
}

const char *memtype_sure(const void *address)
{
	return memtype(address);
}
