/* SPDX-License-Identifier: MIT */
/*
 * assign.c - addresses and bus numbers for ivshmem functions, when firmware gave none.
 *
 * Theory of operation. The code walks down from each root bus, depth first. Each bus has resources:
 * two windows of addresses and a range of bus numbers. The BARs of a function take addresses from
 * the resources of its bus. A bridge without bus numbers or windows passes the free resources of
 * its own bus to the bus behind it; that bus takes from their front, and the bridge is then set to
 * what was taken, rounded up. A bridge that firmware has set up passes on what is free inside its
 * own windows and numbers. A bridge that leads to no ivshmem function gets its old bus numbers
 * back, and takes nothing.
 *
 * The walk ends whatever the bus reports: it visits at most BUSES_MAX buses, at most DEPTH_MAX
 * bridges deep. Further down, to PROBE_DEPTH_MAX, it only probes: an ivshmem function there is an
 * error.
 */
#include <ivsh/pci.h>
#include <ivsh/device.h>

#include "device/bridge.h"
#include "device/config.h"

#include <stdbool.h>
#include <stdint.h>

#define BUSES_MAX 256u
#define DEPTH_MAX 8u
#define PROBE_DEPTH_MAX 32u

struct walk {
	const struct ivsh_platform *platform;
	uint32_t buses; /* visited so far */
};

/* Free addresses and bus numbers for the functions on one bus. */
struct resources {
	struct ivsh_pci_window window[BRIDGE_WINDOWS];
	bool shared[BRIDGE_WINDOWS]; /* true: exclude what functions on the bus have, before use */
	uint32_t bus;                /* this bus */
	uint32_t bus_next;           /* the first bus number that no bridge has */
	uint32_t bus_end;            /* one above the last bus number that reaches this bus */
	uint32_t depth;              /* number of bridges above */
	bool found;                  /* out: an ivshmem function is on this bus, or behind it */
};

static struct ivsh_pci_window *resources_window(
    struct walk *walk, struct resources *resources, enum bridge_window which)
{
	if (resources->shared[which])
		ivsh_bridge_exclude(
		    walk->platform, resources->bus, &resources->window[which], false);
	resources->shared[which] = false;
	return &resources->window[which];
}

static bool resources_take(struct walk *walk, struct resources *resources, enum bridge_window which,
    uint64_t size, uint64_t *address)
{
	return ivsh_window_take(resources_window(walk, resources, which), size, address);
}

static int assign_bar(struct walk *walk, uint32_t function, uint32_t index,
    const struct ivsh_bar *bar, struct resources *resources)
{
	const struct ivsh_platform *platform = walk->platform;
	uint32_t offset = CONFIG_BAR + 4 * index, command;
	uint64_t address, kept;
	bool high = bar->is_64 && bar->prefetch;

	if (!(high && resources_take(walk, resources, BRIDGE_HIGH, bar->size, &address)) &&
	    !resources_take(walk, resources, BRIDGE_LOW, bar->size, &address))
		return IVSH_ENOSPC;
	/* No decoding while only half of the address is written. */
	command = ivsh_config_command(platform, function, COMMAND_MEMORY, 0);
	config_write(platform, function, offset, (uint32_t)address);
	kept = config_read(platform, function, offset) & ~UINT32_C(0xf);
	if (bar->is_64) {
		config_write(platform, function, offset + 4, (uint32_t)(address >> 32));
		kept |= (uint64_t)config_read(platform, function, offset + 4) << 32;
	}
	ivsh_config_command(platform, function, 0, command);
	return kept == address ? 0 : IVSH_EPROTO;
}

/* Assign the BARs of one ivshmem function. The last is the largest, and comes first: fewer gaps. */
static int assign_bars(struct walk *walk, uint32_t function, struct resources *resources)
{
	struct ivsh_bar bar[3] = {{0}};
	int result = 0;

	resources->found = true;
	for (uint32_t i = 0; result == 0 && i < 3; i += bar[i].is_64 ? 2 : 1)
		result = ivsh_pci_bar(walk->platform, function, i, &bar[i]);
	for (uint32_t i = 3; result == 0 && i-- > 0;)
		if (bar[i].size != 0 && bar[i].address == 0 && !bar[i].is_io)
			result = assign_bar(walk, function, i, &bar[i], resources);
	return result;
}

/*
 * Make a window for the bus behind the bridge at (function). Answers its start if the bridge is to
 * be set up with it, and 0 if the bridge has a window already.
 */
static uint64_t window_open(struct walk *walk, uint32_t function, enum bridge_window which,
    struct resources *above, struct resources *below)
{
	struct ivsh_pci_window *window = &below->window[which];

	below->shared[which] = ivsh_bridge_read(walk->platform, function, which, window);
	if (below->shared[which])
		return 0;
	*window = *resources_window(walk, above, which);
	if (window->next > UINT64_MAX - BRIDGE_GRANULARITY)
		window->next = window->end;
	window->next = (window->next + BRIDGE_GRANULARITY - 1) & ~(BRIDGE_GRANULARITY - 1);
	window->end &= ~(BRIDGE_GRANULARITY - 1);
	if (window->next == 0)
		window->next = BRIDGE_GRANULARITY;
	if (window->next >= window->end ||
	    (which == BRIDGE_HIGH && !ivsh_bridge_has_high(walk->platform, function)))
		*window = (struct ivsh_pci_window){BRIDGE_GRANULARITY, BRIDGE_GRANULARITY};
	return window->next;
}

/* Set the bridge at (function) to what was taken from its window since window_open(). */
static void window_close(struct walk *walk, uint32_t function, enum bridge_window which,
    uint64_t start, struct resources *above, const struct resources *below)
{
	uint64_t end =
	    (below->window[which].next + BRIDGE_GRANULARITY - 1) & ~(BRIDGE_GRANULARITY - 1);

	if (start == 0)
		return;
	ivsh_bridge_write(walk->platform, function, which, start, end);
	if (end != start)
		above->window[which].next = end;
}

static bool is_ivshmem(const struct config_function *at)
{
	return at->id == (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) &&
	       at->header == HEADER_NORMAL;
}

/*
 * Probe behind a bridge that is nested too deep for assigning: 0 if no ivshmem function is there.
 * It gets bus numbers in [next, end) meanwhile, and its own ones back.
 */
COLD static int probe_behind(
    struct walk *walk, uint32_t function, uint32_t next, uint32_t end, uint32_t depth)
{
	struct config_function at;
	struct bridge_buses reserved;
	int result = ivsh_bridge_buses_reserve(walk->platform, function, next, end, &reserved);

	if (result != 0 || reserved.buses.subordinate == 0)
		return result;
	if (depth == PROBE_DEPTH_MAX || walk->buses++ == BUSES_MAX)
		result = IVSH_EPROTO;
	end = reserved.buses.subordinate + 1;
	next = ivsh_bridge_buses_next(
	    walk->platform, reserved.buses.secondary, reserved.buses.secondary + 1, end);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t inner = reserved.buses.secondary << 8 | number;

		at = ivsh_config_probe(walk->platform, inner);
		if (is_ivshmem(&at))
			result = IVSH_EPROTO;
		else if (at.header == HEADER_BRIDGE)
			result = probe_behind(walk, inner, next, end, depth + 1);
	}
	ivsh_bridge_buses_restore(walk->platform, function, &reserved);
	return result;
}

COLD static int assign_bus(struct walk *walk, struct resources *resources);

static int assign_bridge(struct walk *walk, uint32_t function, struct resources *above)
{
	uint64_t start[BRIDGE_WINDOWS];
	struct resources below = {.depth = above->depth + 1};
	struct bridge_buses reserved;
	int result;

	if (above->depth == DEPTH_MAX)
		return probe_behind(walk, function, above->bus_next, above->bus_end, above->depth);
	result = ivsh_bridge_buses_reserve(
	    walk->platform, function, above->bus_next, above->bus_end, &reserved);
	if (result != 0 || reserved.buses.subordinate == 0)
		return result; /* it keeps no bus numbers: what is behind it is out of reach */
	below.bus = reserved.buses.secondary;
	below.bus_next = reserved.buses.secondary + 1;
	below.bus_end = reserved.buses.subordinate + 1;
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		start[which] = window_open(walk, function, which, above, &below);

	result = assign_bus(walk, &below);
	if (!below.found) {
		ivsh_bridge_buses_restore(walk->platform, function, &reserved);
		return result;
	}
	/* Also after an error, so that what was assigned so far is reachable. */
	above->found = true;
	if (!reserved.numbered) {
		ivsh_bridge_buses_set(walk->platform, function, below.bus, below.bus_next - 1);
		above->bus_next = below.bus_next;
	}
	/* No decoding while a window is half written, or at address 0 as after reset. */
	ivsh_config_command(walk->platform, function, COMMAND_MEMORY, 0);
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		window_close(walk, function, which, start[which], above, &below);
	/* Bus mastering too: MSI-X from behind the bridge is a memory write (bridge 3.2.4.3). */
	ivsh_config_command(walk->platform, function, 0, COMMAND_MEMORY | COMMAND_MASTER);
	return result;
}

static int assign_bus(struct walk *walk, struct resources *resources)
{
	struct config_function at;
	int result = 0;

	if (walk->buses++ == BUSES_MAX)
		return IVSH_EPROTO;
	resources->bus_next = ivsh_bridge_buses_next(
	    walk->platform, resources->bus, resources->bus_next, resources->bus_end);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t function = resources->bus << 8 | number;

		at = ivsh_config_probe(walk->platform, function);
		if (is_ivshmem(&at))
			result = assign_bars(walk, function, resources);
		else if (at.header == HEADER_BRIDGE)
			result = assign_bridge(walk, function, resources);
	}
	return result;
}

/* Each root bus in turn uses what is free in (windows), and the bus numbers up to the next root. */
static int assign_roots(
    struct walk *walk, const struct bus_set *roots, struct ivsh_pci_windows *windows, bool *found)
{
	int result = 0;

	for (uint32_t bus = 0, end; result == 0 && bus < 256; bus = end) {
		struct resources root = {.bus = bus, .bus_next = bus + 1};

		for (end = bus + 1; end < 256 && !bus_set_has(roots, end);)
			end++;
		root.bus_end = end;
		root.window[BRIDGE_LOW] = windows->low;
		root.window[BRIDGE_HIGH] = windows->high;
		if (bus == 0)
			root.bus_next = windows->next_bus ? windows->next_bus : 256;
		result = assign_bus(walk, &root);
		*found |= root.found;
		windows->low = root.window[BRIDGE_LOW];
		windows->high = root.window[BRIDGE_HIGH];
		if (bus == 0)
			windows->next_bus =
			    (uint8_t)root.bus_next; /* 256 becomes 0: none is left */
	}
	return result;
}

COLD int ivsh_pci_assign(const struct ivsh_platform *platform, struct ivsh_pci_windows *windows)
{
	struct config_scan scan = {.id = CONFIG_ABSENT};
	bool found = false;
	int result;

	if (windows->low.next > windows->low.end || windows->high.next > windows->high.end ||
	    windows->low.end > UINT64_C(1) << 32)
		return IVSH_EINVAL;
	for (;;) {
		struct walk walk = {platform, 0};

		ivsh_scan(platform, &scan);
		result = assign_roots(&walk, &scan.roots, windows, &found);
		if (result != 0 || found || scan.all)
			return result;
		scan.all = true;
	}
}

COLD void ivsh_pci_unused(const struct ivsh_platform *platform, struct ivsh_pci_windows *windows)
{
	struct config_scan scan = {.id = CONFIG_ABSENT};

	ivsh_scan(platform, &scan);
	for (uint32_t bus = 0; bus < 256; bus++) {
		if (!bus_set_has(&scan.roots, bus))
			continue;
		ivsh_bridge_exclude(platform, bus, &windows->low, true);
		ivsh_bridge_exclude(platform, bus, &windows->high, true);
	}
}

COLD int ivsh_pci_assign_added(const struct ivsh_platform *platform,
    const struct ivsh_pci_windows *windows, uint32_t at, uint32_t *function,
    struct ivsh_pci_shortage *shortage)
{
	struct ivsh_pci_windows left = *windows;
	int result;

	if (shortage)
		*shortage = (struct ivsh_pci_shortage){IVSH_PCI_LACKS_NOTHING, at, at, 0, 0};
	ivsh_pci_unused(platform, &left);
	result = ivsh_pci_assign(platform, &left);
	if (result == 0 &&
	    config_read(platform, at, CONFIG_ID) != (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR))
		result = IVSH_ENODEV;
	if (result == 0)
		*function = at;
	return result;
}
