/* SPDX-License-Identifier: MIT */
/*
 * unlisted.h - PCI functions on the bus for which firmware made no handle, as it gave them no
 * address.
 */
#ifndef UNLISTED_H
#define UNLISTED_H

#include <efi.h>

#include <stdbool.h>

/*
 * Whether firmware has a PCI bus, but no handle for any function. OVMF gives up like this on the
 * whole bus when one BAR does not fit. Its consoles, which are behind PCI devices, are then missing
 * too.
 */
bool unlisted_all(EFI_BOOT_SERVICES *services);

/* Find an ivshmem device without a handle; if there is one, print the reason on stderr. */
bool unlisted_explain(EFI_BOOT_SERVICES *services);

#endif
