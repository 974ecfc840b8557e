/* SPDX-License-Identifier: MIT */
/*
 * unlisted.h - devices that are on the bus and have no handle, because firmware gave them no addresses.
 */
#ifndef UNLISTED_H
#define UNLISTED_H

#include <efi.h>

#include <stdbool.h>

/*
 * Whether firmware has a PCI bus and gave up on all of it: no function has a handle. That is what OVMF
 * does when one BAR does not fit. Its consoles are behind PCI devices too.
 */
bool unlisted_all(EFI_BOOT_SERVICES *services);

/* Look for an ivshmem device without a handle; if there is one, one line on stderr says why. */
bool unlisted_say(EFI_BOOT_SERVICES *services);

#endif
