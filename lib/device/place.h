/* SPDX-License-Identifier: MIT */
/*
 * place.h - free addresses for a BAR, and windows of the bridges above it that reach them.
 */
#ifndef DEVICE_PLACE_H
#define DEVICE_PLACE_H

#include "device/bridge.h"
#include "device/config.h"
#include "device/ranges.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

/* A bus, and how it is reached from its root bus. */
struct place_bus {
	const struct place_bus *above; /* NULL: it is a root bus */
	uint32_t bridge;               /* the function that leads to it from above */
	uint32_t number;
	uint32_t depth; /* number of bridges above */
};

/* What all placing on one machine needs. */
struct place {
	const struct ivsh_platform *platform;
	const struct bus_set *roots; /* they share (root) */
	struct range root[BRIDGE_WINDOWS];
	struct ranges ranges; /* scratch: too large for each level of a stack */
};

/*
 * Find an address for a BAR of (size) bytes, a power of two, of a function on (bus), and set the
 * windows of the bridges above so that it is reached. (high): the BAR has 64 bits and is
 * prefetchable. False: it does not fit, and nothing has changed.
 */
COLD bool ivsh_place_bar(
    struct place *place, const struct place_bus *bus, bool high, uint64_t size, uint64_t *address);

/*
 * Bytes of window (which) in the topmost bridge above (bus) with which a BAR of (size) bytes has
 * room beside what is in use there.
 */
COLD uint64_t ivsh_place_needed(
    struct place *place, const struct place_bus *bus, enum bridge_window which, uint64_t size);

#endif
