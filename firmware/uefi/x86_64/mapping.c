/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - nothing: OVMF refuses to change how its window for devices is cached. One MTRR makes
 * all of it uncached, and to take BAR2 out needs more of them than a processor has: the CPU
 * Architectural Protocol answers EFI_OUT_OF_RESOURCES. TCG and KVM mostly ignore a guest's MTRRs.
 */
#include "uefi/mapping.h"

void mapping_open(EFI_BOOT_SERVICES *services)
{
	(void)services;
}

void mapping_cache(void *base, uint64_t size)
{
	(void)base;
	(void)size;
}

void mapping_restore(void *base)
{
	(void)base;
}

void mapping_close(void)
{
}
