/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - how the processor caches a BAR of shared memory: each architecture's folder has one
 * implementation. Boot services run identity-mapped (UEFI Specification 2.10, 2.3).
 */
#ifndef UEFI_MAPPING_H
#define UEFI_MAPPING_H

#include <efi.h>

#include <stdint.h>

/* First, once. (services) live as long as the program. */
void mapping_open(EFI_BOOT_SERVICES *services);

/* Have the (size) bytes at (base) cached, as far as the firmware allows it. */
void mapping_cache(void *base, uint64_t size);

/* Give back what mapping_cache() has changed there. */
void mapping_restore(void *base);

/* Give back all that is left. */
void mapping_close(void);

#endif
