/* SPDX-License-Identifier: MIT */
/*
 * system.h - the attributes of memory on arm64.
 */
#ifndef STUB_UBOOT_ASM_SYSTEM_H
#define STUB_UBOOT_ASM_SYSTEM_H

#include <linux/types.h>

enum dcache_option {
	DCACHE_WRITEBACK = 1
};

void mmu_set_region_dcache_behaviour(phys_addr_t start, size_t size, enum dcache_option option);

#endif
