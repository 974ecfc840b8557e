/* SPDX-License-Identifier: MIT */
/*
 * assign.c - addresses and bus numbers for ivshmem functions, when firmware gave none.
 *
 * Theory of operation. One walk from each root bus down, depth first. Each bus has a supply: two windows of
 * addresses, and a range of bus numbers. A function takes its BARs from the supply of its bus. A
 * bridge that lacks numbers or windows makes a supply for the bus behind it out of what its own bus
 * has left, lets that bus take from the front, rounds up, and becomes as wide as what was taken. A
 * bridge that firmware has set up supplies what is left inside it. A bridge that turns out to lead
 * to no ivshmem function gets its old numbers back, and nothing was taken for it.
 *
 * It ends whatever the bus says: at most BUSES_MAX looks at a bus, DEPTH_MAX bridges deep. What is
 * deeper is looked at alone, down to LOOK_MAX: an ivshmem function there is an error, and others are not.
 */
#include <ivsh/pci.h>
#include <ivsh/device.h>

#include "device/bridge.h"
#include "device/config.h"

#include <stdbool.h>
#include <stdint.h>

#define BUSES_MAX 256u
#define DEPTH_MAX 8u
#define LOOK_MAX 32u

struct walk {
	const struct ivsh_platform *port;
	uint32_t buses; /* looks at a bus so far */
};

/* What the functions on one bus can have. */
struct supply {
	struct ivsh_pci_window window[BRIDGE_WINDOWS];
	bool unsettled
	    [BRIDGE_WINDOWS]; /* true: others may have addresses in it; look before taking */
	uint32_t bus;         /* this bus */
	uint32_t bus_next;    /* the first number that no bridge has */
	uint32_t bus_end;     /* the first number behind those that reach this bus */
	uint32_t depth;       /* bridges above */
	bool found;           /* out: an ivshmem function is on this bus, or behind it */
};

static struct ivsh_pci_window *supply_window(
    struct walk *walk, struct supply *supply, enum bridge_window which)
{
	if (supply->unsettled[which])
		ivsh_bridge_settle(walk->port, supply->bus, &supply->window[which], false);
	supply->unsettled[which] = false;
	return &supply->window[which];
}

static bool supply_take(struct walk *walk, struct supply *supply, enum bridge_window which,
    uint64_t size, uint64_t *address)
{
	return ivsh_window_take(supply_window(walk, supply, which), size, address);
}

static int assign_bar(struct walk *walk, uint32_t function, uint32_t index,
    const struct ivsh_bar *bar, struct supply *supply)
{
	const struct ivsh_platform *port = walk->port;
	uint32_t offset = CONFIG_BAR + 4 * index, command;
	uint64_t address, kept;
	bool high = bar->is_64 && bar->prefetch;

	if (!(high && supply_take(walk, supply, BRIDGE_HIGH, bar->size, &address)) &&
	    !supply_take(walk, supply, BRIDGE_LOW, bar->size, &address))
		return IVSH_ENOSPC;
	/* Mustn't: a half-written address that decodes. */
	command = ivsh_config_command(port, function, COMMAND_MEMORY, 0);
	config_write(port, function, offset, (uint32_t)address);
	kept = config_read(port, function, offset) & ~UINT32_C(0xf);
	if (bar->is_64) {
		config_write(port, function, offset + 4, (uint32_t)(address >> 32));
		kept |= (uint64_t)config_read(port, function, offset + 4) << 32;
	}
	ivsh_config_command(port, function, 0, command);
	return kept == address ? 0 : IVSH_EPROTO;
}

/* The BARs of one ivshmem function, the last and largest first: it leaves the smallest gaps. */
static int assign_bars(struct walk *walk, uint32_t function, struct supply *supply)
{
	struct ivsh_bar bar[3] = {{0}};
	int result = 0;

	supply->found = true;
	for (uint32_t i = 0; result == 0 && i < 3; i += bar[i].is_64 ? 2 : 1)
		result = ivsh_pci_bar(walk->port, function, i, &bar[i]);
	for (uint32_t i = 3; result == 0 && i-- > 0;)
		if (bar[i].size != 0 && bar[i].address == 0 && !bar[i].is_io)
			result = assign_bar(walk, function, i, &bar[i], supply);
	return result;
}

/*
 * Make a window for the bus behind the bridge at (function). Answers where it starts if the bridge
 * is to be set up with it, and 0 if it has one.
 */
static uint64_t window_open(struct walk *walk, uint32_t function, enum bridge_window which,
    struct supply *above, struct supply *below)
{
	struct ivsh_pci_window *window = &below->window[which];

	below->unsettled[which] = ivsh_bridge_read(walk->port, function, which, window);
	if (below->unsettled[which])
		return 0;
	*window = *supply_window(walk, above, which);
	if (window->next > UINT64_MAX - BRIDGE_GRAIN)
		window->next = window->end;
	window->next = (window->next + BRIDGE_GRAIN - 1) & ~(BRIDGE_GRAIN - 1);
	window->end &= ~(BRIDGE_GRAIN - 1);
	if (window->next == 0)
		window->next = BRIDGE_GRAIN;
	if (window->next >= window->end ||
	    (which == BRIDGE_HIGH && !ivsh_bridge_has_high(walk->port, function)))
		*window = (struct ivsh_pci_window){BRIDGE_GRAIN, BRIDGE_GRAIN};
	return window->next;
}

/* Set the bridge at (function) up for what was taken from its window since window_open(). */
static void window_close(struct walk *walk, uint32_t function, enum bridge_window which,
    uint64_t start, struct supply *above, const struct supply *below)
{
	uint64_t end = (below->window[which].next + BRIDGE_GRAIN - 1) & ~(BRIDGE_GRAIN - 1);

	if (start == 0)
		return;
	ivsh_bridge_write(walk->port, function, which, start, end);
	if (end != start)
		above->window[which].next = end;
}

static bool is_ivshmem(const struct config_function *at)
{
	return at->id == (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) &&
	       at->header == HEADER_NORMAL;
}

/*
 * Behind a bridge that is too deep to assign anything: 0 if there is nothing of ours. It can have
 * bus numbers from (next) to before (end), and has those it had afterwards.
 */
COLD static int look_behind(
    struct walk *walk, uint32_t function, uint32_t next, uint32_t end, uint32_t depth)
{
	struct config_function at;
	struct bridge_way way;
	int result = ivsh_bridge_enter(walk->port, function, next, end, &way);

	if (result != 0 || way.buses.subordinate == 0)
		return result;
	if (depth == LOOK_MAX || walk->buses++ == BUSES_MAX)
		result = IVSH_EPROTO;
	end = way.buses.subordinate + 1;
	next = ivsh_bridge_behind(walk->port, way.buses.secondary, way.buses.secondary + 1, end);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t inner = way.buses.secondary << 8 | number;

		at = ivsh_config_look(walk->port, inner);
		if (is_ivshmem(&at))
			result = IVSH_EPROTO;
		else if (at.header == HEADER_BRIDGE)
			result = look_behind(walk, inner, next, end, depth + 1);
	}
	ivsh_bridge_leave(walk->port, function, &way);
	return result;
}

COLD static int assign_bus(struct walk *walk, struct supply *supply);

static int assign_bridge(struct walk *walk, uint32_t function, struct supply *above)
{
	uint64_t start[BRIDGE_WINDOWS];
	struct supply below = {.depth = above->depth + 1};
	struct bridge_way way;
	int result;

	if (above->depth == DEPTH_MAX)
		return look_behind(walk, function, above->bus_next, above->bus_end, above->depth);
	result = ivsh_bridge_enter(walk->port, function, above->bus_next, above->bus_end, &way);
	if (result != 0 || way.buses.subordinate == 0)
		return result; /* it keeps no numbers: nothing behind it can be reached */
	below.bus = way.buses.secondary;
	below.bus_next = way.buses.secondary + 1;
	below.bus_end = way.buses.subordinate + 1;
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		start[which] = window_open(walk, function, which, above, &below);

	result = assign_bus(walk, &below);
	if (!below.found) {
		ivsh_bridge_leave(walk->port, function, &way);
		return result;
	}
	/* Also after an error: what was given so far is then reachable. */
	above->found = true;
	if (!way.numbered) {
		ivsh_bridge_number(walk->port, function, below.bus, below.bus_next - 1);
		above->bus_next = below.bus_next;
	}
	/* Mustn't: a window that is half written, or at address 0 as after reset, and decodes. */
	ivsh_config_command(walk->port, function, COMMAND_MEMORY, 0);
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		window_close(walk, function, which, start[which], above, &below);
	/* Bus mastering too: MSI-X from behind the bridge is a memory write (bridge 3.2.4.3). */
	ivsh_config_command(walk->port, function, 0, COMMAND_MEMORY | COMMAND_MASTER);
	return result;
}

static int assign_bus(struct walk *walk, struct supply *supply)
{
	struct config_function at;
	int result = 0;

	if (walk->buses++ == BUSES_MAX)
		return IVSH_EPROTO;
	supply->bus_next =
	    ivsh_bridge_behind(walk->port, supply->bus, supply->bus_next, supply->bus_end);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t function = supply->bus << 8 | number;

		at = ivsh_config_look(walk->port, function);
		if (is_ivshmem(&at))
			result = assign_bars(walk, function, supply);
		else if (at.header == HEADER_BRIDGE)
			result = assign_bridge(walk, function, supply);
	}
	return result;
}

/* Each root bus in turn has what is left of (windows), and the bus numbers up to the next root. */
static int assign_roots(
    struct walk *walk, const struct bus_set *roots, struct ivsh_pci_windows *windows, bool *found)
{
	int result = 0;

	for (uint32_t bus = 0, end; result == 0 && bus < 256; bus = end) {
		struct supply root = {.bus = bus, .bus_next = bus + 1};

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
			windows->next_bus = (uint8_t)root.bus_next; /* 256 becomes 0: none left */
	}
	return result;
}

COLD int ivsh_pci_assign(const struct ivsh_platform *port, struct ivsh_pci_windows *windows)
{
	struct config_scan scan = {.id = CONFIG_ABSENT};
	bool found = false;
	int result;

	if (windows->low.next > windows->low.end || windows->high.next > windows->high.end ||
	    windows->low.end > UINT64_C(1) << 32)
		return IVSH_EINVAL;
	for (;;) {
		struct walk walk = {port, 0};

		ivsh_scan(port, &scan);
		result = assign_roots(&walk, &scan.roots, windows, &found);
		if (result != 0 || found || scan.all)
			return result;
		scan.all = true;
	}
}

COLD void ivsh_pci_unused(const struct ivsh_platform *port, struct ivsh_pci_windows *windows)
{
	struct config_scan scan = {.id = CONFIG_ABSENT};

	ivsh_scan(port, &scan);
	for (uint32_t bus = 0; bus < 256; bus++) {
		if (!bus_set_has(&scan.roots, bus))
			continue;
		ivsh_bridge_settle(port, bus, &windows->low, true);
		ivsh_bridge_settle(port, bus, &windows->high, true);
	}
}
