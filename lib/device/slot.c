/* SPDX-License-Identifier: MIT */
/*
 * slot.c - the slot of a PCIe port: events, power, and the bus behind it.
 *
 * Slot Control and Slot Status share one word. A write of that word is always a command to the
 * slot, and QEMU completes it at once: Command Completed is set again by the write that clears it.
 * So that bit is neither waited for nor cleared.
 */
#include "device/slot.h"

#include "device/bridge.h"

#define CAPABILITY_PCIE 0x10u /* PCI appendix H */

/* The first word of the capability: PCIe Capabilities, 7.8.2, in its upper half. */
#define PCIE_TYPE (UINT32_C(0xf) << 20)
#define PCIE_TYPE_ROOT (UINT32_C(0x4) << 20)
#define PCIE_TYPE_DOWNSTREAM (UINT32_C(0x6) << 20)
#define PCIE_SLOT (UINT32_C(1) << 24) /* Slot Implemented */

#define SLOT_CAPABILITIES 0x14u /* 7.8.9 */
#define SLOT_HOTPLUG 0x40u      /* Hot-Plug Capable */

#define SLOT_CONTROL 0x18u /* 7.8.10 in 15:0, 7.8.11 in 31:16 */
#define CONTROL_PIC 0x300u /* Power Indicator Control */
#define CONTROL_PIC_ON 0x100u
#define CONTROL_PIC_OFF 0x300u
#define CONTROL_PCC 0x400u /* Power Controller Control: 1 is off */
#define CONTROL_EIC 0x800u /* a one toggles the interlock */

bool ivsh_slot_find(
    const struct ivsh_platform *platform, uint32_t function, struct ivsh_hotplug_port *port)
{
	uint32_t offset, word;

	if (ivsh_pci_capability(platform, function, CAPABILITY_PCIE, &offset) != 0 ||
	    offset > 0x100 - SLOT_CONTROL - 4)
		return false;
	word = config_read(platform, function, offset);
	if ((word & PCIE_SLOT) == 0 ||
	    ((word & PCIE_TYPE) != PCIE_TYPE_ROOT && (word & PCIE_TYPE) != PCIE_TYPE_DOWNSTREAM))
		return false;
	if ((config_read(platform, function, offset + SLOT_CAPABILITIES) & SLOT_HOTPLUG) == 0)
		return false;
	*port = (struct ivsh_hotplug_port){.function = function, .capability = (uint16_t)offset};
	return true;
}

static uint32_t read_word(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port)
{
	return config_read(platform, port->function, port->capability + SLOT_CONTROL);
}

/* Events are cleared by ones (RW1C): those that are not in (events) stay. */
static void write_control(const struct ivsh_platform *platform,
    const struct ivsh_hotplug_port *port, uint32_t clear, uint32_t set, uint32_t events)
{
	uint32_t control = read_word(platform, port) & 0xffff;

	control = (control & ~(clear | CONTROL_EIC)) | set;
	config_write(
	    platform, port->function, port->capability + SLOT_CONTROL, events << 16 | control);
}

uint32_t ivsh_slot_status(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port)
{
	return read_word(platform, port) >> 16;
}

void ivsh_slot_clear(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port, uint32_t events)
{
	write_control(platform, port, 0, 0, events);
}

void ivsh_slot_power(const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port,
    bool on, uint32_t events)
{
	write_control(platform, port, CONTROL_PIC | CONTROL_PCC,
	    on ? CONTROL_PIC_ON : CONTROL_PIC_OFF | CONTROL_PCC, events);
}

/* Behind a port is one device, with up to eight functions (PCIe 7.3.1). */
static enum slot_content look(const struct ivsh_platform *platform, uint32_t bus)
{
	enum slot_content content = SLOT_EMPTY;

	for (uint32_t number = 0; number < 8; number++) {
		struct config_function at = ivsh_config_probe(platform, bus << 8 | number);

		if (at.id == CONFIG_ABSENT)
			continue;
		if (is_ivshmem_at(platform, bus << 8 | number))
			return SLOT_IVSHMEM;
		content = SLOT_OTHER;
	}
	return content;
}

enum slot_content ivsh_slot_content(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port, uint32_t *bus)
{
	struct config_buses buses = ivsh_config_buses(platform, port->function);
	struct bridge_buses reserved;
	enum slot_content content;
	uint32_t next;

	*bus = buses.subordinate != 0 ? buses.secondary : 0;
	if (*bus != 0)
		return look(platform, *bus);
	/* Below another bridge the free numbers are that bridge's, and ivsh_pci_assign() is due. */
	if (IVSH_PCI_BUS(port->function) != 0)
		return SLOT_EMPTY;
	next = ivsh_bridge_buses_next(platform, 0, 1, 256);
	if (next == 256 ||
	    ivsh_bridge_buses_reserve(platform, port->function, next, next + 1, &reserved) != 0)
		return SLOT_EMPTY;
	if (reserved.buses.subordinate == 0)
		return SLOT_EMPTY; /* it keeps no numbers */
	*bus = reserved.buses.secondary;
	content = look(platform, *bus);
	if (content != SLOT_IVSHMEM)
		ivsh_bridge_buses_restore(platform, port->function, &reserved);
	return content;
}
