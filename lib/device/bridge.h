/* SPDX-License-Identifier: MIT */
/*
 * bridge.h - bus numbers and windows of a PCI-to-PCI bridge, and allocation from a window.
 *
 * 32-bit BARs behind a bridge are in its memory window, which comes out of the caller's low window.
 * 64-bit prefetchable BARs are in its prefetchable window, out of the caller's high window.
 */
#ifndef DEVICE_BRIDGE_H
#define DEVICE_BRIDGE_H

#include "device/config.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

enum bridge_window {
	BRIDGE_LOW = 0,  /* the memory window: 32 bits */
	BRIDGE_HIGH = 1, /* the prefetchable window, where it has 64 bits */
	BRIDGE_WINDOWS = 2,
};

#define BRIDGE_GRANULARITY (UINT64_C(1) << 20) /* windows start and end on 1 MiB; bridge 3.2.5.8 */

/*
 * Read a window of the bridge at (function). False: it is closed, or was never set (it starts at 0,
 * as after reset), and *window is empty. True: window->next is its start.
 */
COLD bool ivsh_bridge_read(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, struct ivsh_pci_window *window);

/* True: the bridge at (function) has a prefetchable window that can be above 4 GiB. */
COLD bool ivsh_bridge_has_high(const struct ivsh_platform *platform, uint32_t function);

/*
 * Set a window of the bridge at (function) to [start, end), both on BRIDGE_GRANULARITY, or close it
 * when start == end. The caller disables memory decoding in the bridge before.
 */
COLD void ivsh_bridge_write(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, uint64_t start, uint64_t end);

/*
 * Exclude from (window) all addresses of functions and bridges on (bus): move its front behind
 * each, or with (larger) its end before it, if that leaves more. A BAR that cannot be sized empties
 * it.
 */
COLD void ivsh_bridge_exclude(const struct ivsh_platform *platform, uint32_t bus,
    struct ivsh_pci_window *window, bool larger);

/* The bus numbers of a bridge while the walk is behind it. */
struct bridge_buses {
	uint32_t before;           /* its register CONFIG_BUSES, as it was */
	struct config_buses buses; /* subordinate 0: the bridge keeps no numbers */
	bool numbered;             /* it had bus numbers already */
};

/*
 * Give the bridge at (function) all bus numbers in [next, end), if it has none below (end). Then
 * ivsh_bridge_buses_set() sets those it keeps, or ivsh_bridge_buses_restore() undoes the
 * reservation.
 *
 * IVSH_ENOSPC  no bus number is left.
 */
COLD int ivsh_bridge_buses_reserve(const struct ivsh_platform *platform, uint32_t function,
    uint32_t next, uint32_t end, struct bridge_buses *reserved);
COLD void ivsh_bridge_buses_set(const struct ivsh_platform *platform, uint32_t function,
    uint32_t secondary, uint32_t subordinate);
COLD void ivsh_bridge_buses_restore(
    const struct ivsh_platform *platform, uint32_t function, const struct bridge_buses *reserved);

/* The first bus number in [next, end] above all that the bridges on (bus) have. */
COLD uint32_t ivsh_bridge_buses_next(
    const struct ivsh_platform *platform, uint32_t bus, uint32_t next, uint32_t end);

/*
 * Take (size) bytes, a power of two, from the front of (window). Their address, a multiple of
 * (size) other than 0, goes to *address. False: they do not fit, and the window has not changed.
 */
COLD bool ivsh_window_take(struct ivsh_pci_window *window, uint64_t size, uint64_t *address);

#endif
