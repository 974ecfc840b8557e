/* SPDX-License-Identifier: MIT */
/*
 * assign.c - addresses and bus numbers for ivshmem functions, when firmware gave none.
 *
 * Theory of operation. The code walks down from each root bus, depth first. A bridge without bus
 * numbers gets all free ones of its own bus, and is set to those that were needed when the walk
 * comes back. A bridge that leads to no ivshmem function gets its old ones back, unless it is an
 * empty slot. The BARs of each ivshmem function are placed on the way (place.c), which opens and
 * moves windows of the bridges above.
 *
 * The walk ends whatever the bus reports: it visits at most BUSES_MAX buses, at most DEPTH_MAX
 * bridges deep. Further down, to PROBE_DEPTH_MAX, it only probes: an ivshmem function there is an
 * error.
 */
#include <ivsh/pci.h>
#include <ivsh/device.h>

#include "device/bridge.h"
#include "device/config.h"
#include "device/place.h"
#include "device/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUSES_MAX 256u
#define DEPTH_MAX 8u
#define PROBE_DEPTH_MAX 32u

#define EVERYWHERE CONFIG_ABSENT /* as walk.at */

struct walk {
	const struct ivsh_platform *platform;
	struct place place;
	uint32_t buses;    /* visited so far */
	uint32_t at;       /* only this function or what is behind it; EVERYWHERE */
	uint32_t function; /* the first ivshmem function there; EVERYWHERE: none so far */
	struct ivsh_pci_shortage shortage;
};

/* A bus that the walk visits, and the bus numbers for those below it. */
struct visit {
	struct place_bus bus;
	uint32_t next; /* the first bus number that no bridge has */
	uint32_t end;  /* one above the last bus number that reaches this bus */
	bool wanted;   /* the walk's function leads here */
	bool found;    /* out: an ivshmem function is on this bus, or behind it */
};

/* --- BARs ------------------------------------------------------------------------------------- */

static void lack(struct walk *walk, const struct place_bus *bus, enum ivsh_pci_lack what,
    uint32_t function, uint64_t size, uint64_t reserve)
{
	walk->shortage = (struct ivsh_pci_shortage){what, function, function, size, reserve};
	for (; bus->above; bus = bus->above)
		walk->shortage.port = bus->bridge;
}

static int assign_bar(struct walk *walk, uint32_t function, uint32_t index,
    const struct ivsh_bar *bar, const struct place_bus *bus)
{
	const struct ivsh_platform *platform = walk->platform;
	uint32_t offset = CONFIG_BAR + 4 * index, command;
	uint64_t address, kept;
	bool high = bar->is_64 && bar->prefetch;

	if (!ivsh_place_bar(&walk->place, bus, high, bar->size, &address)) {
		lack(walk, bus, high ? IVSH_PCI_LACKS_PREFETCH : IVSH_PCI_LACKS_MEMORY, function,
		    bar->size,
		    ivsh_place_needed(
			&walk->place, bus, high ? BRIDGE_HIGH : BRIDGE_LOW, bar->size));
		return IVSH_ENOSPC;
	}
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
static int assign_bars(struct walk *walk, uint32_t function, struct visit *visit)
{
	struct ivsh_bar bar[3] = {{0}};
	int result = 0;

	visit->found = true;
	if (walk->function == EVERYWHERE)
		walk->function = function;
	for (uint32_t i = 0; result == 0 && i < 3; i += bar[i].is_64 ? 2 : 1)
		result = ivsh_pci_bar(walk->platform, function, i, &bar[i]);
	for (uint32_t i = 3; result == 0 && i-- > 0;)
		if (bar[i].size != 0 && bar[i].address == 0 && !bar[i].is_io)
			result = assign_bar(walk, function, i, &bar[i], &visit->bus);
	return result;
}

static bool is_ivshmem(const struct config_function *at)
{
	return at->id == IVSHMEM_ID && at->header == HEADER_NORMAL;
}

/* --- Bridges ---------------------------------------------------------------------------------- */

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

COLD static int assign_bus(struct walk *walk, struct visit *visit);

/* Does the bridge at (function), on a bus that is not wanted as a whole, lead to what is? */
static bool leads(const struct walk *walk, uint32_t function)
{
	struct config_buses buses = ivsh_config_buses(walk->platform, function);
	uint32_t bus = IVSH_PCI_BUS(walk->at);

	return function == walk->at ||
	       (buses.subordinate != 0 && buses.secondary <= bus && bus <= buses.subordinate);
}

/* After the walk has been behind the bridge at (function). */
static void bridge_leave(struct walk *walk, uint32_t function, struct visit *above,
    const struct visit *below, const struct bridge_buses *reserved)
{
	struct ivsh_hotplug_port port;

	if (!below->found && !ivsh_slot_find(walk->platform, function, &port)) {
		ivsh_bridge_buses_restore(walk->platform, function, reserved);
		return;
	}
	if (!reserved->numbered) {
		ivsh_bridge_buses_set(walk->platform, function, below->bus.number, below->next - 1);
		above->next = below->next;
	}
	if (!below->found)
		return;
	above->found = true;
	for (uint32_t which = 0; which < BRIDGE_WINDOWS; which++)
		ivsh_bridge_close(walk->platform, function, which);
	/* Bus mastering too: MSI-X from behind the bridge is a memory write (bridge 3.2.4.3). */
	ivsh_config_command(walk->platform, function, 0, COMMAND_MEMORY | COMMAND_MASTER);
}

static int assign_bridge(struct walk *walk, uint32_t function, struct visit *above)
{
	struct visit below = {
	    .bus = {&above->bus, function, 0, above->bus.depth + 1},
	    .wanted = above->wanted || function == walk->at,
	};
	struct bridge_buses reserved;
	int result;

	if (!above->wanted && !leads(walk, function))
		return 0;
	if (above->bus.depth == DEPTH_MAX)
		return probe_behind(walk, function, above->next, above->end, above->bus.depth);
	result =
	    ivsh_bridge_buses_reserve(walk->platform, function, above->next, above->end, &reserved);
	if (result == IVSH_ENOSPC)
		lack(walk, &above->bus, IVSH_PCI_LACKS_BUS, function, 1,
		    above->end - above->bus.number);
	if (result != 0 || reserved.buses.subordinate == 0)
		return result; /* it keeps no bus numbers: what is behind it is out of reach */
	below.bus.number = reserved.buses.secondary;
	below.next = reserved.buses.secondary + 1;
	below.end = reserved.buses.subordinate + 1;
	result = assign_bus(walk, &below);
	/* Also after an error, so that what was assigned so far is reachable. */
	bridge_leave(walk, function, above, &below, &reserved);
	return result;
}

/* --- The walk --------------------------------------------------------------------------------- */

static int assign_bus(struct walk *walk, struct visit *visit)
{
	struct config_function at;
	int result = 0;

	if (walk->buses++ == BUSES_MAX)
		return IVSH_EPROTO;
	visit->next =
	    ivsh_bridge_buses_next(walk->platform, visit->bus.number, visit->next, visit->end);
	for (uint32_t number = 0; result == 0 && number < 256; number += at.step) {
		uint32_t function = visit->bus.number << 8 | number;

		at = ivsh_config_probe(walk->platform, function);
		if (is_ivshmem(&at) && (visit->wanted || function == walk->at))
			result = assign_bars(walk, function, visit);
		else if (at.header == HEADER_BRIDGE)
			result = assign_bridge(walk, function, visit);
	}
	return result;
}

/* From each root bus in turn; those below it have the bus numbers up to the next root. */
static int assign_roots(struct walk *walk, uint8_t next_bus)
{
	int result = 0;

	for (uint32_t bus = 0, end; result == 0 && bus < 256; bus = end) {
		struct visit root = {.bus = {.number = bus}, .next = bus + 1};

		for (end = bus + 1; end < 256 && !bus_set_has(walk->place.roots, end);)
			end++;
		root.end = end;
		root.wanted = walk->at == EVERYWHERE;
		if (bus == 0)
			root.next = next_bus ? next_bus : 256;
		result = assign_bus(walk, &root);
	}
	return result;
}

static bool are_valid(const struct ivsh_pci_windows *windows)
{
	return windows->low.next <= windows->low.end && windows->high.next <= windows->high.end &&
	       windows->low.end <= UINT64_C(1) << 32;
}

/* Without a second host bridge other root buses are searched only if nothing was found. */
static int assign(struct walk *walk, const struct ivsh_pci_windows *windows)
{
	struct config_scan scan = {.id = CONFIG_ABSENT};
	int result;

	if (!are_valid(windows))
		return IVSH_EINVAL;
	walk->place.platform = walk->platform;
	walk->place.roots = &scan.roots;
	walk->place.root[BRIDGE_LOW] = (struct range){windows->low.next, windows->low.end};
	walk->place.root[BRIDGE_HIGH] = (struct range){windows->high.next, windows->high.end};
	for (;;) {
		walk->buses = 0;
		ivsh_scan(walk->platform, &scan);
		result = assign_roots(walk, windows->next_bus);
		if (result != 0 || walk->function != EVERYWHERE || scan.all)
			return result;
		scan.all = true;
	}
}

COLD int ivsh_pci_assign(
    const struct ivsh_platform *platform, const struct ivsh_pci_windows *windows)
{
	struct walk walk = {.platform = platform, .at = EVERYWHERE, .function = EVERYWHERE};

	return assign(&walk, windows);
}

COLD int ivsh_pci_assign_added(const struct ivsh_platform *platform,
    const struct ivsh_pci_windows *windows, uint32_t at, uint32_t *function,
    struct ivsh_pci_shortage *shortage)
{
	struct walk walk = {.platform = platform, .at = at, .function = EVERYWHERE};
	int result = at == EVERYWHERE ? IVSH_ENODEV : assign(&walk, windows);

	if (result == 0 && walk.function == EVERYWHERE)
		result = IVSH_ENODEV;
	if (result == 0)
		*function = walk.function;
	if (shortage)
		*shortage = walk.shortage;
	return result;
}
