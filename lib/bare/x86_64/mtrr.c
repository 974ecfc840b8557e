/* SPDX-License-Identifier: MIT */
/*
 * mtrr.c - every address write-back by the MTRRs: the page tables decide.
 *
 * SeaBIOS leaves the 32-bit window for devices uncached, and qboot and microvm's start leave the
 * MTRRs off, which makes all memory uncached. Shared memory in there would be uncached whatever the
 * page tables say: of the two the one that caches less counts. paging.c has each mapping of
 * registers uncached by itself, and no other page of devices is mapped, so nothing needs the MTRRs.
 *
 * TCG has no caches, and KVM decides without the guest's MTRRs as long as no device is assigned to
 * the guest. SDM 11.11.
 */
#include "bare/x86_64/cpu.h"
#include "bare/x86_64/x86.h"

#define CPUID_MTRR (1u << 12) /* leaf 1, edx */

#define MSR_CAP 0xfeu      /* SDM 11.11.1: the count of variable ranges in 7:0 */
#define MSR_MASK_0 0x201u  /* SDM 11.11.2.3: of range 0; two each */
#define MSR_DEFAULT 0x2ffu /* SDM 11.11.2.1 */
#define ENABLE (1u << 11)  /* in the default's register; the fixed ranges are off without bit 10 */
#define VALID (UINT64_C(1) << 11) /* in a range's mask */
#define WRITE_BACK 6u

#define CACHE_DISABLE (UINT64_C(1) << 30) /* CR0.CD */
#define NOT_WRITE_THROUGH (UINT64_C(1) << 29)

static uint64_t cr0_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value) : : "memory");
	return value;
}

static void cr0_write(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

/* No line of a cache, and no translation, from before. */
static void flush(void)
{
	uint64_t root;

	__asm__ volatile("wbinvd" : : : "memory");
	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(root) : : "memory");
}

/*
 * Should:  interrupts off, one processor.
 * Mustn't: run with registers mapped write-back in the page tables.
 */
void x86_mtrr_init(void)
{
	uint64_t cr0;

	if ((x86_cpuid(1).edx & CPUID_MTRR) == 0)
		return;
	/* SDM 11.11.8. */
	cr0 = cr0_read();
	cr0_write((cr0 | CACHE_DISABLE) & ~NOT_WRITE_THROUGH);
	flush();
	x86_msr_write(MSR_DEFAULT, WRITE_BACK);
	for (uint32_t i = 0; i < (x86_msr_read(MSR_CAP) & 0xff); i++)
		x86_msr_write(MSR_MASK_0 + 2 * i, x86_msr_read(MSR_MASK_0 + 2 * i) & ~VALID);
	x86_msr_write(MSR_DEFAULT, ENABLE | WRITE_BACK);
	flush();
	cr0_write(cr0);
}
