/* SPDX-License-Identifier: MIT */
/*
 * assign.c - addresses and bus numbers for ivshmem functions, when firmware gave none.
 *
 * Theory of operation. One walk from bus 0 down, depth first. Each bus has a supply: two windows of
 * addresses, and a range of bus numbers. A function takes its BARs from the supply of its bus. A
 * bridge that lacks numbers or windows makes a supply for the bus behind it out of what its own bus
 * has left, lets that bus take from the front, rounds up, and becomes as wide as what was taken. A
 * bridge that firmware has set up supplies what is left inside it. A bridge that turns out to lead
 * to no ivshmem function gets its old numbers back, and nothing was taken for it.
 *
 * It ends whatever the bus says: at most BUSES_MAX looks at a bus, DEPTH_MAX bridges deep.
 */
#include <ivsh/pci.h>
#include <ivsh/device.h>

#include "bridge.h"
#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#define BUSES_MAX 256u
#define DEPTH_MAX 8u

struct walk {
	const struct ivsh_port *port;
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
		ivsh_bridge_settle(walk->port, supply->bus, &supply->window[which]);
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
	const struct ivsh_port *port = walk->port;
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

COLD static int assign_bus(struct walk *walk, struct supply *supply);

static void bridge_number(
    struct walk *walk, uint32_t function, uint32_t secondary, uint32_t subordinate)
{
	uint32_t timer = config_read(walk->port, function, CONFIG_BUSES) & 0xff000000;

	config_write(walk->port, function, CONFIG_BUSES,
	    timer | subordinate << 16 | secondary << 8 | IVSH_PCI_BUS(function));
}

static int assign_bridge(struct walk *walk, uint32_t function, struct supply *above)
{
	uint32_t before = config_read(walk->port, function, CONFIG_BUSES);
	struct config_buses buses = ivsh_config_buses(walk->port, function);
	bool numbered = buses.subordinate != 0 && buses.subordinate < above->bus_end;
	uint64_t start[BRIDGE_WINDOWS];
	struct supply below = {.depth = above->depth + 1};
	int result;

	if (above->depth == DEPTH_MAX)
		return IVSH_EPROTO;
	if (!numbered) {
		if (above->bus_next >= above->bus_end)
			return IVSH_ENOSPC;
		/* Until its end is known, all that is left leads here: no sibling has any of it. */
		bridge_number(walk, function, above->bus_next, above->bus_end - 1);
		buses = ivsh_config_buses(walk->port, function);
		if (buses.secondary != above->bus_next)
			return 0; /* it keeps no numbers: nothing behind it can be reached */
	}
	below.bus = buses.secondary;
	below.bus_next = buses.secondary + 1;
	below.bus_end = buses.subordinate + 1;
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		start[which] = window_open(walk, function, which, above, &below);

	result = assign_bus(walk, &below);
	if (!below.found) {
		if (!numbered)
			config_write(walk->port, function, CONFIG_BUSES, before);
		return result;
	}
	/* Also after an error: what was given so far is then reachable. */
	above->found = true;
	if (!numbered) {
		bridge_number(walk, function, below.bus, below.bus_next - 1);
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

/* The first number behind all that the bridges on this bus have. */
static uint32_t bus_behind(struct walk *walk, const struct supply *supply)
{
	struct config_function at;
	uint32_t next = supply->bus_next;

	for (uint32_t number = 0; number < 256; number += at.step) {
		uint32_t function = supply->bus << 8 | number, last;

		at = ivsh_config_look(walk->port, function);
		if (at.header != HEADER_BRIDGE)
			continue;
		last = ivsh_config_buses(walk->port, function).subordinate;
		if (last < supply->bus_end && last >= next)
			next = last + 1;
	}
	return next;
}

static int assign_bus(struct walk *walk, struct supply *supply)
{
	struct config_function at;
	int result = 0;

	if (walk->buses++ == BUSES_MAX)
		return IVSH_EPROTO;
	supply->bus_next = bus_behind(walk, supply);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t function = supply->bus << 8 | number;

		at = ivsh_config_look(walk->port, function);
		if (at.id == (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR) &&
		    at.header == HEADER_NORMAL)
			result = assign_bars(walk, function, supply);
		else if (at.header == HEADER_BRIDGE)
			result = assign_bridge(walk, function, supply);
	}
	return result;
}

COLD int ivsh_pci_assign(const struct ivsh_port *port, struct ivsh_pci_windows *windows)
{
	struct walk walk = {port, 0};
	struct supply root = {.bus_end = 256};
	int result;

	if (windows->low.next > windows->low.end || windows->high.next > windows->high.end ||
	    windows->low.end > UINT64_C(1) << 32)
		return IVSH_EINVAL;
	root.window[BRIDGE_LOW] = windows->low;
	root.window[BRIDGE_HIGH] = windows->high;
	root.bus_next = windows->next_bus ? windows->next_bus : root.bus_end;
	result = assign_bus(&walk, &root);
	windows->low = root.window[BRIDGE_LOW];
	windows->high = root.window[BRIDGE_HIGH];
	windows->next_bus = (uint8_t)root.bus_next; /* 256 becomes 0: none is left */
	return result;
}
