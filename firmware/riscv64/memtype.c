/* SPDX-License-Identifier: MIT */
/*
 * memtype.c - how the processor caches an address.
 *
 * RISC-V Privileged Architecture 3.6 and 4.5: the machine has attributes (PMAs) for each physical
 * address, which no program can read. With the Svpbmt extension a page table entry can overrule
 * them, but not make I/O cacheable.
 */
#include "arch/memtype.h"

#include "bare/riscv64/cpu.h"

#include <stddef.h>

#define MODE_BARE 0u /* satp, bits 63:60 */
#define MODE_SV39 8u /* Sv48 and Sv57 have a level more each */
#define MODE_SV57 10u
#define NUMBER ((UINT64_C(1) << 44) - 1)

#define VALID 1u
#define RIGHTS 14u /* an entry without any points to a table */

/* The page table entry of (address). 0: not mapped. */
static uint64_t entry(uint64_t address, uint64_t satp)
{
	uint64_t table = satp & NUMBER, word;

	for (int level = (int)(satp >> 60) - (int)MODE_SV39 + 2; level >= 0; level--) {
		word = ((const volatile uint64_t
			*)(uintptr_t)(table << 12))[address >> (12 + 9 * level) & 511];
		if ((word & VALID) == 0)
			return 0;
		if (word & RIGHTS)
			return word;
		table = word >> 10 & NUMBER;
	}
	return 0;
}

static const char by_pma[] = "cached as its PMA says";

const char *memtype(const void *address)
{
	static const char *const names[] = {by_pma, "non-cacheable", "I/O", "reserved"};
	uint64_t satp = rv_read(satp), word;

	if (satp >> 60 == MODE_BARE)
		return by_pma;
	if (satp >> 60 < MODE_SV39 || satp >> 60 > MODE_SV57)
		return NULL;
	word = entry((uint64_t)(uintptr_t)address, satp);
	return word != 0 ? names[word >> 61 & 3] : NULL;
}

const char *memtype_sure(const void *address)
{
	const char *type = memtype(address);

	return type != by_pma ? type : NULL;
}
