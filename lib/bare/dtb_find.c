/* SPDX-License-Identifier: MIT */
/*
 * dtb_find.c - nodes of a device tree by what is known of them, and where their registers are.
 */
#include "bare/dtb.h"

#include <stddef.h>

/* Devicetree Specification 0.4, 2.3.5: what counts without the property. */
#define ADDRESS_CELLS 2u
#define SIZE_CELLS 1u
#define CELLS_MAX 2u /* of 64 bits */

/* --- By path, by what it is compatible with, by phandle --------------------------------------- */

static bool ends_component(char c)
{
	return c == '\0' || c == '/' || c == ':';
}

/* Whether the component at (path) names a node (name), with or without its unit address. */
static bool is_component(const char *path, const char *name)
{
	bool has_address = false;

	for (; *name != '\0' && *name == *path; name++, path++)
		has_address = has_address || *name == '@';
	return ends_component(*path) && (*name == '\0' || (*name == '@' && !has_address));
}

uint32_t bare_dtb_path(const struct bare_dtb *dtb, const char *path)
{
	uint32_t node = bare_dtb_root(dtb);

	if (*path != '/')
		return 0;
	while (node != 0) {
		while (*path == '/')
			path++;
		if (ends_component(*path))
			return node;
		node = bare_dtb_child(dtb, node);
		while (node != 0 && !is_component(path, bare_dtb_name(dtb, node)))
			node = bare_dtb_sibling(dtb, node);
		while (!ends_component(*path))
			path++;
	}
	return 0;
}

/* 2.3.4. */
bool bare_dtb_is_enabled(const struct bare_dtb *dtb, uint32_t node)
{
	struct bare_dtb_value status;

	return !bare_dtb_property(dtb, node, "status", &status) ||
	       bare_dtb_has_text(&status, "okay") || bare_dtb_has_text(&status, "ok");
}

uint32_t bare_dtb_compatible(const struct bare_dtb *dtb, uint32_t node, const char *compatible)
{
	struct bare_dtb_value value;

	do
		node = bare_dtb_next(dtb, node);
	while (node != 0 &&
	       !(bare_dtb_property(dtb, node, "compatible", &value) &&
		   bare_dtb_has_text(&value, compatible) && bare_dtb_is_enabled(dtb, node)));
	return node;
}

uint32_t bare_dtb_phandle(const struct bare_dtb *dtb, uint32_t phandle)
{
	uint32_t node = 0;

	if (phandle == 0)
		return 0;
	do
		node = bare_dtb_next(dtb, node);
	while (node != 0 && bare_dtb_number(dtb, node, "phandle", 0) != phandle);
	return node;
}

/* --- Addresses -------------------------------------------------------------------------------- */

static uint32_t address_cells(const struct bare_dtb *dtb, uint32_t bus)
{
	return bare_dtb_number(dtb, bus, "#address-cells", ADDRESS_CELLS);
}

static uint32_t size_cells(const struct bare_dtb *dtb, uint32_t bus)
{
	return bare_dtb_number(dtb, bus, "#size-cells", SIZE_CELLS);
}

static bool is_countable(uint32_t cells)
{
	return cells >= 1 && cells <= CELLS_MAX;
}

/* From an address on (bus) to one on the bus (above) it. */
static bool step(
    const struct bare_dtb *dtb, uint32_t bus, uint32_t above, struct bare_dtb_range *range)
{
	uint32_t here = address_cells(dtb, bus), there = address_cells(dtb, above);
	uint32_t sizes = size_cells(dtb, bus), entry = here + there + sizes;
	struct bare_dtb_value ranges;

	if (!bare_dtb_property(dtb, bus, "ranges", &ranges))
		return false;
	if (ranges.size == 0)
		return true;
	if (!is_countable(here) || !is_countable(there) || !is_countable(sizes))
		return false;
	for (uint32_t i = 0; i < ranges.size / 4 / entry; i++) {
		uint64_t from = bare_dtb_cells(&ranges, i * entry, here);
		uint64_t to = bare_dtb_cells(&ranges, i * entry + here, there);
		uint64_t size = bare_dtb_cells(&ranges, i * entry + here + there, sizes);
		uint64_t in = range->address - from;

		if (range->address < from || in > size || range->size > size - in ||
		    to > UINT64_MAX - size)
			continue;
		range->address = to + in;
		return true;
	}
	return false;
}

bool bare_dtb_translate(const struct bare_dtb *dtb, uint32_t node, struct bare_dtb_range *range)
{
	uint32_t bus = bare_dtb_parent(dtb, node), above;

	for (; bus != 0; bus = above) {
		above = bare_dtb_parent(dtb, bus);
		if (above != 0 && !step(dtb, bus, above, range))
			return false;
	}
	return true;
}

bool bare_dtb_reg(
    const struct bare_dtb *dtb, uint32_t node, uint32_t index, struct bare_dtb_range *range)
{
	uint32_t bus = bare_dtb_parent(dtb, node), addresses, sizes;
	struct bare_dtb_value reg;

	if (bus == 0)
		return false;
	addresses = address_cells(dtb, bus);
	sizes = size_cells(dtb, bus);
	bare_dtb_property(dtb, node, "reg", &reg);
	if (!is_countable(addresses) || sizes > CELLS_MAX ||
	    index >= reg.size / 4 / (addresses + sizes))
		return false;
	index *= addresses + sizes;
	range->address = bare_dtb_cells(&reg, index, addresses);
	range->size = bare_dtb_cells(&reg, index + addresses, sizes);
	return bare_dtb_translate(dtb, node, range);
}
