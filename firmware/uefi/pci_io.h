/* SPDX-License-Identifier: MIT */
/*
 * pci_io.h - one PCI function through its EFI_PCI_IO_PROTOCOL (UEFI Specification 2.10, 14.4).
 */
#ifndef PCI_IO_H
#define PCI_IO_H

#include <efi.h>

#include <stdint.h>

#define PCI_IO_COMMAND 0x04u /* PCI Local Bus Specification 3.0, 6.2.2: COMMAND, STATUS above it */

/* Read 32 bits of configuration space; all ones at an offset that the function does not have. */
uint32_t pci_io_read(EFI_PCI_IO_PROTOCOL *io, uint32_t offset);

/*
 * Write COMMAND. The bus driver keeps account of the three enable bits, and of the bridges above,
 * so these go through Attributes().
 */
void pci_io_write_command(EFI_PCI_IO_PROTOCOL *io, uint32_t value);

/* The pointer to (size) bytes at bus address (address), if BAR (bar) has them. Otherwise NULL. */
void *pci_io_locate(EFI_BOOT_SERVICES *services, EFI_PCI_IO_PROTOCOL *io, UINT8 bar,
    uint64_t address, uint64_t size);

#endif
