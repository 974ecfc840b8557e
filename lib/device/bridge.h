/* SPDX-License-Identifier: MIT */
/*
 * bridge.h - bus numbers and windows of a PCI-to-PCI bridge.
 */
#ifndef DEVICE_BRIDGE_H
#define DEVICE_BRIDGE_H

#include "device/config.h"
#include "device/ranges.h"

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
 * as after reset), and *window is empty.
 */
COLD bool ivsh_bridge_read(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, struct range *window);

/* True: the bridge at (function) has a prefetchable window that can be above 4 GiB. */
COLD bool ivsh_bridge_has_high(const struct ivsh_platform *platform, uint32_t function);

/*
 * Set a window of the bridge at (function), which starts and ends on BRIDGE_GRANULARITY, or close
 * it with an empty one. The caller disables memory decoding in the bridge before.
 */
COLD void ivsh_bridge_write(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, struct range window);

/* Close a window that was never set: it would open at address 0. Memory decoding is off then. */
COLD void ivsh_bridge_close(
    const struct ivsh_platform *platform, uint32_t function, enum bridge_window which);

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

#endif
