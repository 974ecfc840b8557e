/* SPDX-License-Identifier: MIT */
/*
 * root_bridge.h - configuration space through EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL (UEFI Specification
 * 2.10, 14.2): of any function, also of one for which firmware has made no handle.
 */
#ifndef ROOT_BRIDGE_H
#define ROOT_BRIDGE_H

#include <efi.h>

#include <stdint.h>

/* Read or write 32 bits below one root bridge. All ones: it does not lead there. */
uint32_t root_bridge_read(EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t function, uint32_t offset);
void root_bridge_write(
    EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t function, uint32_t offset, uint32_t value);

/*
 * Collect the machine's root bridges, for the next two calls, which find the one that leads to
 * (function). None is no error: every function then reads as absent.
 */
EFI_STATUS root_bridges_open(EFI_BOOT_SERVICES *services);
void root_bridges_close(void);

uint32_t root_bridges_read(uint32_t function, uint32_t offset);
void root_bridges_write(uint32_t function, uint32_t offset, uint32_t value);

#endif
