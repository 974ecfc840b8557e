/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - nothing: OVMF refuses to change how its window for devices is cached. Its MTRRs make
 * it uncached, which TCG and KVM on Intel ignore.
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
