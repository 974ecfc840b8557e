/* SPDX-License-Identifier: MIT */
/*
 * hotplug.c - the ACPI hot-plug controller of QEMU's pc and q35 (QEMU, docs/specs/
 * acpi_pci_hotplug.rst and hw/acpi/pcihp.c), without ACPI's byte code.
 *
 * The status register of the general purpose events says that something happened. Then there is a
 * bit for each device number of each bus; buses have numbers of the controller's own ("bsel"), in
 * an order that depends on how QEMU created them. What was plugged in is seen on the bus itself, so
 * that register stays unread.
 */
#include "bare/x86_64/hotplug.h"

#include "bare/x86_64/cpu.h"
#include "bare/x86_64/gpe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers of 32 bits at the controller's base: QEMU, hw/acpi/pcihp.c. */
#define HOTPLUG_DOWN 0x04u   /* RO, a bit a device number: it is to be removed */
#define HOTPLUG_EJECT 0x08u  /* WO, likewise: remove it */
#define HOTPLUG_SELECT 0x10u /* RW, the bus that the others are about */
#define HOTPLUG_BUSES 256u   /* ACPI_PCIHP_MAX_HOTPLUG_BUS */

#define PIIX4_PM_ID 0x71138086u /* function 3 of the PIIX4 */
#define PIIX4_HOTPLUG 0xae00u   /* QEMU, include/hw/acpi/pcihp.h: ACPI_PCIHP_ADDR_PIIX4 */

#define ICH9_LPC IVSH_PCI_FUNCTION(0, 31, 0)
#define ICH9_LPC_ID 0x29188086u
#define ICH9_HOTPLUG 0xcc0u /* ACPI_PCIHP_ADDR_ICH9 */

static struct {
	uint16_t base;
	uint16_t events; /* the port of GPE0_STS */
} registers;

static uint32_t read_register(uint32_t bus, uint16_t offset)
{
	x86_out32(registers.base + HOTPLUG_SELECT, bus);
	return x86_in32(registers.base + offset);
}

/* Cleared before the registers are read, so that a later event sets it again. */
static bool pending(void *ctx)
{
	(void)ctx;
	return x86_gpe_take(registers.events, X86_GPE_HOTPLUG);
}

static int leaving(void *ctx, uint32_t index, struct ivsh_slot_request *request)
{
	(void)ctx;
	for (uint32_t bus = 0; bus < HOTPLUG_BUSES; bus++) {
		uint32_t down = read_register(bus, HOTPLUG_DOWN);

		for (uint32_t device = 0; device < 32; device++) {
			if ((down >> device & 1) == 0 || index-- != 0)
				continue;
			*request = (struct ivsh_slot_request){.slot = bus << 5 | device,
			    .function = IVSH_PCI_FUNCTION(0, device, 0),
			    .mask = IVSH_PCI_FUNCTION(0, 31, 0)};
			return 0;
		}
	}
	return -1;
}

static void eject(void *ctx, uint32_t slot)
{
	(void)ctx;
	x86_out32(registers.base + HOTPLUG_SELECT, slot >> 5);
	x86_out32(registers.base + HOTPLUG_EJECT, UINT32_C(1) << (slot & 31));
}

static uint32_t config_read(
    const struct ivsh_platform *platform, uint32_t function, uint32_t offset)
{
	return platform->config_read(platform->ctx, function, offset);
}

/* Registers that are not there read as ones. */
static bool is_there(void)
{
	return read_register(0, HOTPLUG_SELECT) == 0;
}

const struct ivsh_hotplug_controller *x86_hotplug(const struct ivsh_platform *platform)
{
	static const struct ivsh_hotplug_controller controller = {NULL, pending, leaving, eject};

	registers.events = x86_gpe0_status(platform);
	if (registers.events == 0)
		return NULL;
	if (config_read(platform, ICH9_LPC, 0) == ICH9_LPC_ID) {
		registers.base = ICH9_HOTPLUG;
		return is_there() ? &controller : NULL;
	}
	registers.base = PIIX4_HOTPLUG;
	for (uint32_t device = 0; device < 32; device++)
		if (config_read(platform, IVSH_PCI_FUNCTION(0, device, 3), 0) == PIIX4_PM_ID)
			return is_there() ? &controller : NULL;
	return NULL;
}
