/* SPDX-License-Identifier: MIT */
/*
 * memtype.c - how the processor caches an address.
 *
 * Intel SDM, volume 3, "Memory Cache Control": MTRRs, PAT, and the table that combines them.
 */
#include "arch/memtype.h"

#include "bare/x86_64/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSR_MTRR_CAP 0xfeu
#define MSR_MTRR_BASE 0x200u /* of pair 0; the mask follows */
#define MSR_PAT 0x277u
#define MSR_MTRR_DEFAULT 0x2ffu

#define MTRR_ENABLED (1u << 11) /* in the default type's register */
#define MTRR_VALID (1u << 11)   /* in a mask's */
#define CPUID_MTRR (1u << 12)   /* leaf 1, edx */
#define CPUID_PAT (1u << 16)
#define CPUID_HYPERVISOR (1u << 31) /* leaf 1, ecx */
#define CR4_LA57 (1u << 12)

#define PRESENT 1u
#define LARGE (1u << 7) /* a page at the second or third level */
#define ADDRESS UINT64_C(0x000ffffffffff000)

enum type {
	UC = 0,
	WC = 1,
	WT = 4,
	WP = 5,
	WB = 6,
	UC_MINUS = 7
};

/* The type by the MTRRs. Where two overlap, the one that caches less counts. */
static enum type mtrr(uint64_t address)
{
	uint64_t all = x86_msr_read(MSR_MTRR_DEFAULT);
	enum type type = WB;
	bool found = false;

	if ((all & MTRR_ENABLED) == 0)
		return UC;
	for (uint32_t i = 0; i < (x86_msr_read(MSR_MTRR_CAP) & 0xff); i++) {
		uint64_t base = x86_msr_read(MSR_MTRR_BASE + 2 * i),
			 mask = x86_msr_read(MSR_MTRR_BASE + 2 * i + 1);

		if ((mask & MTRR_VALID) == 0 || ((address ^ base) & mask & ADDRESS) != 0)
			continue;
		if (!found || (base & 0xff) < (uint64_t)type)
			type = (enum type)(base & 0xff);
		found = true;
	}
	return found ? type : (enum type)(all & 0xff);
}

/* The page table entry of (address); *large: it is of a large page. 0: not mapped. */
static uint64_t entry(uint64_t address, bool *large)
{
	uint64_t word, cr4;

	__asm__ volatile("mov %%cr3, %0" : "=r"(word));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	*large = false;
	for (int level = cr4 & CR4_LA57 ? 5 : 4; level > 0 && !*large; level--) {
		const volatile uint64_t *table =
		    (const volatile uint64_t *)(uintptr_t)(word & ADDRESS);

		word = table[address >> (3 + 9 * level) & 511];
		if ((word & PRESENT) == 0)
			return 0;
		*large = level > 1 && level < 4 && (word & LARGE);
	}
	return word;
}

/* The PAT entry that the page table entry (word) selects. */
static enum type pat(uint64_t word, bool large)
{
	uint32_t index = (uint32_t)((word >> 3 & 3) | (word >> (large ? 12 : 7) & 1) << 2);

	return (enum type)(x86_msr_read(MSR_PAT) >> 8 * index & 7);
}

/* Both combined. */
static enum type combine(enum type page, enum type range)
{
	if (page == UC || page == WC)
		return page;
	if (page == UC_MINUS)
		return range == WC ? WC : UC;
	if (range == WB || range == page)
		return page;
	return page == WB ? range : UC;
}

static const char *const names[] = {[UC] = "uncached",
    [WC] = "write-combining",
    [WT] = "write-through",
    [WP] = "write-protected",
    [WB] = "write-back",
    [UC_MINUS] = "uncached"};

/* Its types by the page tables and by the MTRRs. False: it is not mapped, or nothing says so. */
static bool look_up(const void *address, enum type *page, enum type *range)
{
	const uint32_t both = CPUID_MTRR | CPUID_PAT;
	uint64_t word;
	bool large;

	if ((x86_cpuid(1).edx & both) != both)
		return false;
	word = entry((uint64_t)(uintptr_t)address, &large);
	/* The address is identity-mapped, as the tables are. */
	*page = pat(word, large);
	*range = mtrr((uint64_t)(uintptr_t)address);
	return word != 0;
}

const char *memtype(const void *address)
{
	enum type page, range;

	return look_up(address, &page, &range) ? names[combine(page, range) & 7] : NULL;
}

const char *memtype_sure(const void *address)
{
	enum type page, range;

	if (!look_up(address, &page, &range) ||
	    (page == WB && range != WB && (x86_cpuid(1).ecx & CPUID_HYPERVISOR)))
		return NULL;
	return names[combine(page, range) & 7];
}
