/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - nothing: the machine decides by the address how memory is cached (RISC-V Privileged
 * Architecture 3.6), and firmware does not overrule it.
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
