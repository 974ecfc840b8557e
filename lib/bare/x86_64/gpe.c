/* SPDX-License-Identifier: MIT */
/*
 * gpe.c - where the general-purpose events of QEMU's pc and q35 are.
 */
#include "bare/x86_64/gpe.h"

#define PIIX4_PM IVSH_PCI_FUNCTION(0, 1, 3)
#define PIIX4_PM_ID 0x71138086u
#define PIIX4_GPE0 0xafe0u /* QEMU, include/hw/acpi/piix4.h: GPE_BASE, which no register moves */

#define ICH9_LPC IVSH_PCI_FUNCTION(0, 31, 0)
#define ICH9_LPC_ID 0x29188086u
#define ICH9_PM_BASE 0x40u /* Intel I/O Controller Hub 9 data sheet, 13.1.13 */
#define ICH9_PM_BASE_MASK 0xff80u
#define ICH9_ACPI_CONTROL 0x44u /* 13.1.14 */
#define ICH9_ACPI_ENABLE 0x80u
#define ICH9_GPE0 0x20u /* 13.8.3.9 */

static uint32_t read(const struct ivsh_platform *platform, uint32_t function, uint32_t offset)
{
	return platform->config_read(platform->ctx, function, offset);
}

/* All ones: no register is there. */
static uint16_t checked(uint32_t port)
{
	return x86_in8((uint16_t)port) != 0xff ? (uint16_t)port : 0;
}

uint16_t x86_gpe0_status(const struct ivsh_platform *platform)
{
	uint32_t base;

	if (read(platform, PIIX4_PM, 0) == PIIX4_PM_ID)
		return checked(PIIX4_GPE0);
	if (read(platform, ICH9_LPC, 0) != ICH9_LPC_ID ||
	    (read(platform, ICH9_LPC, ICH9_ACPI_CONTROL) & ICH9_ACPI_ENABLE) == 0)
		return 0;
	base = read(platform, ICH9_LPC, ICH9_PM_BASE) & ICH9_PM_BASE_MASK;
	return base != 0 ? checked(base + ICH9_GPE0) : 0;
}
