/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the memory of malloc() and stdio, from boot services: arch_heap_grow().
 */
#ifndef HEAP_H
#define HEAP_H

#include <efi.h>

/* Take the first memory. Before the first call of newlib. */
EFI_STATUS heap_open(EFI_BOOT_SERVICES *services);

/* Free all of it. No call of newlib may follow. */
void heap_close(void);

#endif
