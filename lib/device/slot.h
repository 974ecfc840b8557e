/* SPDX-License-Identifier: MIT */
/*
 * slot.h - the slot of a PCIe port: events, power, and the bus behind it.
 *
 * PCI Express Base Specification 3.0 (PCIe), 6.7 and 7.8.
 */
#ifndef DEVICE_SLOT_H
#define DEVICE_SLOT_H

#include "device/config.h"

#include <ivsh/device.h>
#include <ivsh/hotplug.h>

#include <stdbool.h>
#include <stdint.h>

/* Events in Slot Status, PCIe 7.8.11. */
#define SLOT_BUTTON 0x1u   /* Attention Button Pressed: QEMU's device_add and device_del */
#define SLOT_CHANGED 0x8u  /* Presence Detect Changed */
#define SLOT_PRESENT 0x40u /* a state, not an event: the slot is not empty */
#define SLOT_EVENTS (SLOT_BUTTON | SLOT_CHANGED)

/*
 * True: the function at (function) is a port with a slot that can be hot-plugged, and *port is
 * filled in.
 */
COLD bool ivsh_slot_find(
    const struct ivsh_platform *platform, uint32_t function, struct ivsh_hotplug_port *port);

/* Slot Status: one read of configuration space. */
COLD uint32_t ivsh_slot_status(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port);

/* Clear (events) of Slot Status. */
COLD void ivsh_slot_clear(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port, uint32_t events);

/* Switch the slot's power and its indicator on or off, and clear (events) with the same write. */
COLD void ivsh_slot_power(const struct ivsh_platform *platform,
    const struct ivsh_hotplug_port *port, bool on, uint32_t events);

#define IVSHMEM_ID (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR)

/* What is in a slot. */
enum slot_content {
	SLOT_EMPTY,   /* no function answers */
	SLOT_OTHER,   /* functions answer, none of them ivshmem's */
	SLOT_IVSHMEM, /* at least one is an ivshmem function */
};

/*
 * Look into the slot. A port on bus 0 that has no bus number gets one, and keeps it if an ivshmem
 * function is behind it. *bus is the bus behind the port; 0: none can be had.
 */
COLD enum slot_content ivsh_slot_content(
    const struct ivsh_platform *platform, const struct ivsh_hotplug_port *port, uint32_t *bus);

/* True: an ivshmem function is at (function). */
static inline bool is_ivshmem_at(const struct ivsh_platform *platform, uint32_t function)
{
	return config_read(platform, function, CONFIG_ID) == IVSHMEM_ID;
}

#endif
