/* SPDX-License-Identifier: MIT */
/*
 * bridge.h - bus numbers and windows of a PCI-to-PCI bridge, and taking room out of a window.
 *
 * Assigning puts 32-bit BARs behind a bridge into its memory window and 64-bit prefetchable ones
 * into its prefetchable window; the caller's low and high windows feed them in the same pairs.
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

#define BRIDGE_GRAIN (UINT64_C(1) << 20) /* windows start and end on 1 MiB; bridge 3.2.5.8 */

/*
 * Read a window of the bridge at (function). False: it is closed, or was never set (it starts at 0,
 * as after reset), and *window is empty. True: next is its start.
 */
COLD bool ivsh_bridge_read(const struct ivsh_platform *port, uint32_t function,
    enum bridge_window which, struct ivsh_pci_window *window);

/* True: the prefetchable window of the bridge at (function) is there and can lie above 4 GiB. */
COLD bool ivsh_bridge_has_high(const struct ivsh_platform *port, uint32_t function);

/*
 * Set a window of the bridge at (function) to [start, end), both on BRIDGE_GRAIN, or close it when
 * start == end. The bridge must not decode memory meanwhile.
 */
COLD void ivsh_bridge_write(const struct ivsh_platform *port, uint32_t function,
    enum bridge_window which, uint64_t start, uint64_t end);

/*
 * Move the front of (window) behind everything on (bus) that has an address in it; with (larger)
 * rather its end before that, where this leaves more. What cannot be sized leaves no room at all.
 */
COLD void ivsh_bridge_settle(
    const struct ivsh_platform *port, uint32_t bus, struct ivsh_pci_window *window, bool larger);

/* The way to the bus behind a bridge. */
struct bridge_way {
	uint32_t before;           /* the word of its bus numbers, as it was */
	struct config_buses buses; /* subordinate 0: the bridge keeps no numbers */
	bool numbered;             /* it had them already */
};

/*
 * Give the bridge at (function) bus numbers, all from (next) to before (end), if it has none below
 * (end). ivsh_bridge_number() then says which it keeps, or ivsh_bridge_leave() takes them back.
 *
 * IVSH_ENOSPC  there is no number left.
 */
COLD int ivsh_bridge_enter(const struct ivsh_platform *port, uint32_t function, uint32_t next,
    uint32_t end, struct bridge_way *way);
COLD void ivsh_bridge_number(
    const struct ivsh_platform *port, uint32_t function, uint32_t secondary, uint32_t subordinate);
COLD void ivsh_bridge_leave(
    const struct ivsh_platform *port, uint32_t function, const struct bridge_way *way);

/* The first number from (next) on, to (end), behind all that the bridges on (bus) have. */
COLD uint32_t ivsh_bridge_behind(
    const struct ivsh_platform *port, uint32_t bus, uint32_t next, uint32_t end);

/*
 * Take (size) bytes, a power of two, off the front of (window), on a multiple of (size) that is not
 * 0, to *address. False: they do not fit, and the window is as it was.
 */
COLD bool ivsh_window_take(struct ivsh_pci_window *window, uint64_t size, uint64_t *address);

#endif
