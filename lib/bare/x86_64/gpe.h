/* SPDX-License-Identifier: MIT */
/*
 * gpe.h - the general-purpose events of QEMU's pc and q35 (ACPI 6.4, 4.8.4.1). For bare metal and
 * UEFI.
 *
 * Nothing is enabled: a status bit is set whether or not an interrupt is wanted. The bits belong to
 * different files, and writing a 1 clears only that bit.
 */
#ifndef X86_GPE_H
#define X86_GPE_H

#include "bare/x86_64/cpu.h"

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

/* In the first byte of GPE0_STS (QEMU, include/hw/acpi/acpi_dev_interface.h). */
#define X86_GPE_HOTPLUG (1u << 1) /* ACPI_PCI_HOTPLUG_STATUS: a PCI slot */
#define X86_GPE_VMGENID (1u << 5) /* ACPI_VMGENID_CHANGE_STATUS: the machine was moved */

/*
 * The I/O port of GPE0_STS, found by the configuration space of the chipset's power management
 * function. 0: there is none, or it is off.
 */
uint16_t x86_gpe0_status(const struct ivsh_platform *platform);

/* Whether one of (bits) of the register at (port) is set; clears them. Port 0: false. */
static inline bool x86_gpe_take(uint16_t port, uint8_t bits)
{
	if (port == 0 || (x86_in8(port) & bits) == 0)
		return false;
	x86_out8(port, bits);
	return true;
}

#endif
