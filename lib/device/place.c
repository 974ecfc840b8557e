/* SPDX-License-Identifier: MIT */
/*
 * place.c - free addresses for a BAR, and windows of the bridges above it that reach them.
 *
 * Theory of operation. The bridges from the root bus down to the BAR's bus are a chain, and each of
 * them has a window inside that of the bridge above. A BAR is placed, in this order,
 *
 *   - inside the window as it is;
 *   - beside it: the window grows, and those above it too where they must, each into what is free
 *     around it on the bus above;
 *   - elsewhere: on a bus further up a block is found as if it was for a BAR there, and the windows
 *     from there down move to it. That is possible where nothing else has addresses inside these
 *     windows, or where they are closed.
 *
 * A window that moves, or is opened, takes the largest gap, so that it can grow for the next BAR.
 */
#include "device/place.h"

#include "device/used.h"

#define BLOCK BRIDGE_GRANULARITY

/* One way to place a BAR: by which window of the bridges, and inside what on the root bus. */
struct way {
	enum bridge_window which;
	struct range root;
};

/* The bridge on (bus) that leads down to (below); none if they are the same. */
static uint32_t bridge_on(const struct place_bus *bus, const struct place_bus *below)
{
	uint32_t bridge = USED_SKIP_NONE;

	for (; below->depth > bus->depth; below = below->above)
		bridge = below->bridge;
	return bridge;
}

/* Mark what is used on (bus), but not the window that leads down to (below). */
static void use_bus(struct place *place, const struct place_bus *bus, const struct place_bus *below,
    enum bridge_window which)
{
	uint32_t skipped = bridge_on(bus, below);

	if (bus->above) {
		ivsh_used(place->platform, bus->number, skipped, which, &place->ranges);
		return;
	}
	for (uint32_t number = 0; number < 256; number++)
		if (bus_set_has(place->roots, number))
			ivsh_used(place->platform, number, skipped, which, &place->ranges);
}

/* Inside (within): what is used on each bus from (top) down to (bus). */
static void use_chain(struct place *place, struct range within, const struct place_bus *top,
    const struct place_bus *bus, enum bridge_window which)
{
	ivsh_ranges_init(&place->ranges, within);
	for (const struct place_bus *at = bus;; at = at->above) {
		use_bus(place, at, bus, which);
		if (at == top)
			break;
	}
}

static bool window_of(const struct place *place, const struct place_bus *bus,
    enum bridge_window which, struct range *window)
{
	return ivsh_bridge_read(place->platform, bus->bridge, which, window);
}

/* How far the window that leads to (bus) can grow where it is. False: it is closed, or cannot. */
static bool extent(
    struct place *place, const struct place_bus *bus, const struct way *way, struct range *out)
{
	struct range window, above;

	if (!bus->above) {
		*out = way->root;
		return out->start < out->end;
	}
	if (!window_of(place, bus, way->which, &window) || !extent(place, bus->above, way, &above))
		return false;
	ivsh_ranges_init(&place->ranges, above);
	use_bus(place, bus->above, bus, way->which);
	if (!ivsh_ranges_gap(&place->ranges, window, out))
		return false;
	/* No overflow: the window is inside, and starts and ends on a whole block. */
	out->start = (out->start + BLOCK - 1) & ~(BLOCK - 1);
	out->end &= ~(BLOCK - 1);
	return true;
}

/* May the window that leads to (bus) move? Only if nothing has addresses inside, down to (last). */
static bool is_movable(struct place *place, const struct place_bus *bus,
    const struct place_bus *last, enum bridge_window which)
{
	struct range window;

	if (!window_of(place, bus, which, &window))
		return true;
	use_chain(place, window, bus, last, which);
	return place->ranges.count == 0;
}

static void set_window(
    struct place *place, const struct place_bus *bus, enum bridge_window which, struct range window)
{
	uint32_t command = ivsh_config_command(place->platform, bus->bridge, COMMAND_MEMORY, 0);

	ivsh_bridge_write(place->platform, bus->bridge, which, window);
	ivsh_config_command(place->platform, bus->bridge, 0, command & COMMAND_MEMORY);
}

/* Let the windows above (bus) reach (block): those down to (top) grow, those below move. */
static void reach(struct place *place, const struct place_bus *bus, const struct place_bus *top,
    enum bridge_window which, struct range block)
{
	struct range window, grown = block;

	if (!bus->above)
		return;
	reach(place, bus->above, top, which, block);
	if (window_of(place, bus, which, &window) && bus->depth <= top->depth) {
		grown.start = window.start < block.start ? window.start : block.start;
		grown.end = window.end > block.end ? window.end : block.end;
	}
	if (grown.start != window.start || grown.end != window.end)
		set_window(place, bus, which, grown);
}

/*
 * Find (size) bytes among the addresses that reach (top), which are free on every bus from there
 * down to (bus): at first inside the window as it is, then as close to it as possible.
 */
static bool place_find(struct place *place, const struct place_bus *bus,
    const struct place_bus *top, const struct way *way, uint64_t size, uint64_t *address)
{
	struct range all, window;

	if (!extent(place, top, way, &all))
		return false;
	use_chain(place, all, top, bus, way->which);
	if (!top->above)
		return ivsh_ranges_find(&place->ranges, all, size, size,
		    top == bus ? RANGES_BEST : RANGES_LARGEST, address);
	(void)window_of(place, top, way->which, &window); /* it is open: there is an extent */
	return ivsh_ranges_find(&place->ranges, window, size, size, RANGES_BEST, address) ||
	       ivsh_ranges_find(&place->ranges, (struct range){window.start, all.end}, size, size,
		   RANGES_FIRST, address) ||
	       ivsh_ranges_find(&place->ranges, (struct range){all.start, window.end}, size, size,
		   RANGES_LAST, address);
}

/* Place a BAR, moving the windows between (top) and (bus) if these differ. */
static bool place_from(struct place *place, const struct place_bus *bus,
    const struct place_bus *top, const struct way *way, uint64_t size, uint64_t *address)
{
	uint64_t bytes = top != bus && size < BLOCK ? BLOCK : size;

	if (!place_find(place, bus, top, way, bytes, address))
		return false;
	reach(place, bus, top, way->which,
	    (struct range){*address & ~(BLOCK - 1), (*address + bytes + BLOCK - 1) & ~(BLOCK - 1)});
	return true;
}

/* Place a BAR without a change of any window. */
static bool place_inside(struct place *place, const struct place_bus *bus, enum bridge_window which,
    uint64_t size, uint64_t *address)
{
	struct range window;

	if (!bus->above || !window_of(place, bus, which, &window))
		return false;
	use_chain(place, window, bus, bus, which);
	return ivsh_ranges_find(&place->ranges, window, size, size, RANGES_BEST, address);
}

static bool place_by(struct place *place, const struct place_bus *bus, const struct way *way,
    uint64_t size, uint64_t *address)
{
	for (const struct place_bus *top = bus;; top = top->above) {
		if (place_from(place, bus, top, way, size, address))
			return true;
		if (!top->above || !is_movable(place, top, bus, way->which))
			return false;
	}
}

static bool has_high(const struct place *place, const struct place_bus *bus)
{
	for (; bus->above; bus = bus->above)
		if (!ivsh_bridge_has_high(place->platform, bus->bridge))
			return false;
	return true;
}

bool ivsh_place_bar(
    struct place *place, const struct place_bus *bus, bool high, uint64_t size, uint64_t *address)
{
	const struct way above_4g = {BRIDGE_HIGH, place->root[BRIDGE_HIGH]};
	const struct way prefetch = {BRIDGE_HIGH, place->root[BRIDGE_LOW]};
	const struct way memory = {BRIDGE_LOW, place->root[BRIDGE_LOW]};

	if (high && place_inside(place, bus, BRIDGE_HIGH, size, address))
		return true;
	if (high && has_high(place, bus) &&
	    (place_by(place, bus, &above_4g, size, address) ||
		place_by(place, bus, &prefetch, size, address)))
		return true;
	return place_inside(place, bus, BRIDGE_LOW, size, address) ||
	       place_by(place, bus, &memory, size, address);
}

uint64_t ivsh_place_needed(
    struct place *place, const struct place_bus *bus, enum bridge_window which, uint64_t size)
{
	const struct place_bus *top = bus;
	struct range window;
	/* Wherever a window of twice the size starts, there is a multiple of the size inside. */
	uint64_t needed = 2 * (size < BLOCK ? BLOCK : size);

	if (!bus->above)
		return size;
	while (top->above->above)
		top = top->above;
	if (window_of(place, top, which, &window) && !is_movable(place, top, bus, which))
		needed += window.end - window.start;
	return needed;
}
