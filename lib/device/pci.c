/* SPDX-License-Identifier: MIT */
/*
 * pci.c - finding functions, their capabilities, and the sizes of their BARs.
 */
#include <ivsh/pci.h>

#include "device/config.h"

#include <stdbool.h>
#include <stdint.h>

/* A segment has no more functions: it bounds a list() that never ends. */
#define LISTED_MAX 65536u

/* Find a function on the platform's list(). */
static int find_listed(
    const struct ivsh_platform *platform, uint32_t id, uint32_t index, uint32_t *function)
{
	uint32_t listed;

	for (uint32_t i = 0; i < LISTED_MAX && platform->list(platform->ctx, i, &listed) == 0; i++)
		if (config_read(platform, listed, CONFIG_ID) == id && index-- == 0) {
			*function = listed;
			return 0;
		}
	return IVSH_ENODEV;
}

/*
 * A bus adds only higher bus numbers to the set (ivsh_config_buses), so one pass upwards scans each
 * bus at most once and ends at bus 255, whatever the bridges claim. A bus that answers and that no
 * bridge leads to is another root bus.
 */
COLD bool ivsh_scan(const struct ivsh_platform *platform, struct config_scan *scan)
{
	struct config_function at;

	bus_set_add(&scan->known, 0);
	bus_set_add(&scan->roots, 0);
	for (uint32_t bus = 0; bus < 256; bus++) {
		bool known = bus_set_has(&scan->known, bus);

		if (bus_set_has(&scan->probed, bus) ||
		    (!known && (!scan->all || bus_set_has(&scan->behind, bus))))
			continue;
		bus_set_add(&scan->probed, bus);
		for (uint32_t number = 0; number < 256; number += at.step) {
			uint32_t function = bus << 8 | number;

			at = ivsh_config_probe(platform, function);
			if (at.id == CONFIG_ABSENT)
				continue;
			if (!known)
				bus_set_add(&scan->roots, bus);
			scan->function = function;
			if (at.id == scan->id && scan->index-- == 0)
				return true;
			scan->seen |= at.id == scan->id;
			if (at.header == HEADER_BRIDGE) {
				struct config_buses behind = ivsh_config_buses(platform, function);

				bus_set_add(&scan->known, behind.secondary);
				for (; behind.secondary < behind.subordinate; behind.subordinate--)
					bus_set_add(&scan->behind, behind.subordinate);
			} else if (function != 0 && !scan->all) {
				scan->all =
				    config_read(platform, function, CONFIG_REVISION) >> 16 ==
				    CLASS_HOST_BRIDGE;
			}
		}
	}
	return false;
}

/* Without a second host bridge other root buses are searched only if nothing was found. */
COLD int ivsh_pci_find(const struct ivsh_platform *platform, uint16_t vendor, uint16_t device,
    uint32_t index, uint32_t *function)
{
	struct config_scan scan = {.id = (uint32_t)device << 16 | vendor, .index = index};
	bool found;

	if (platform->list)
		return find_listed(platform, scan.id, index, function);
	found = ivsh_scan(platform, &scan);
	if (!found && !scan.seen) {
		scan.all = true;
		found = ivsh_scan(platform, &scan);
	}
	if (!found)
		return IVSH_ENODEV;
	*function = scan.function;
	return 0;
}

#define CAPABILITY_FIRST 0x40u /* PCI 6.7: below is the header */
#define CAPABILITY_LINKS 48u   /* (256 - 64) / 4 */

COLD int ivsh_pci_capability(
    const struct ivsh_platform *platform, uint32_t function, uint8_t id, uint32_t *offset)
{
	struct config_function at = ivsh_config_probe(platform, function);
	uint32_t next;

	/* Other header types have the list elsewhere (PC Card 8.0, volume 7: 0x14). */
	if (at.id == CONFIG_ABSENT || at.header > HEADER_BRIDGE)
		return IVSH_ENODEV;
	if ((config_read(platform, function, CONFIG_COMMAND) & STATUS_CAPABILITIES) == 0)
		return IVSH_ENODEV;
	next = config_read(platform, function, CONFIG_CAPABILITIES);
	for (uint32_t link = 0; link <= CAPABILITY_LINKS; link++) {
		uint32_t here = next & 0xfc; /* PCI 6.7: the low two bits are reserved */

		if (here == 0)
			return IVSH_ENODEV;
		if (here < CAPABILITY_FIRST)
			return IVSH_EPROTO;
		next = config_read(platform, function, here);
		if ((next & 0xff) == id) {
			*offset = here;
			return 0;
		}
		next >>= 8;
	}
	return IVSH_EPROTO;
}

#define BAR_IO 0x1u       /* PCI 6.2.5.1 */
#define BAR_TYPE 0x6u     /* PCI table 6-4: 0 is 32 bits, 4 is 64 bits, the others are reserved */
#define BAR_TYPE_64 0x4u  /* PCI table 6-4 */
#define BAR_PREFETCH 0x8u /* PCI 6.2.5.1 */
#define BAR_FLAGS_MEMORY 0xfu
#define BAR_FLAGS_IO 0x3u

/* Write all ones to (count) registers from (offset), read them back, restore (value). */
static uint64_t bar_probe(const struct ivsh_platform *platform, uint32_t function, uint32_t offset,
    uint64_t value, uint32_t count)
{
	uint32_t command = ivsh_config_command(platform, function, COMMAND_IO | COMMAND_MEMORY, 0);
	uint32_t kept[2] = {0, 0};

	for (uint32_t i = 0; i < count; i++, value >>= 32) {
		config_write(platform, function, offset + 4 * i, 0xffffffff);
		kept[i] = config_read(platform, function, offset + 4 * i);
		config_write(platform, function, offset + 4 * i, (uint32_t)value);
	}
	ivsh_config_command(platform, function, 0, command);
	return (uint64_t)kept[1] << 32 | kept[0];
}

COLD int ivsh_pci_bar(
    const struct ivsh_platform *platform, uint32_t function, uint32_t bar, struct ivsh_bar *out)
{
	struct config_function at = ivsh_config_probe(platform, function);
	uint32_t count = config_bars(at.header), offset = CONFIG_BAR + 4 * bar;
	uint64_t value, kept, flags, mask;

	*out = (struct ivsh_bar){0, 0, 0, 0, 0};
	if (at.id == CONFIG_ABSENT || count == 0)
		return IVSH_ENODEV;
	if (bar >= count)
		return IVSH_EINVAL;
	value = config_read(platform, function, offset);
	out->is_io = value & BAR_IO;
	if (!out->is_io) {
		if ((value & BAR_TYPE) != 0 && (value & BAR_TYPE) != BAR_TYPE_64)
			return IVSH_EPROTO;
		out->is_64 = (value & BAR_TYPE_64) != 0;
		out->prefetch = (value & BAR_PREFETCH) != 0;
	}
	if (out->is_64) {
		if (bar + 1 == count)
			return IVSH_EPROTO;
		value |= (uint64_t)config_read(platform, function, offset + 4) << 32;
	}

	kept = bar_probe(platform, function, offset, value, out->is_64 ? 2 : 1);
	if ((value | kept) == 0)
		return 0; /* not implemented: PCI 6.2.5.1 */
	flags = out->is_io ? BAR_FLAGS_IO : BAR_FLAGS_MEMORY;
	mask = kept & ~flags;
	if (mask == 0 || ((kept ^ value) & flags) != 0)
		return IVSH_EPROTO;
	if (!out->is_64)
		mask |= UINT64_C(0xffffffff) << 32;
	if (out->is_io && (mask & 0xffff0000) == 0)
		mask |= 0xffff0000; /* PCI 6.2.5.1: an I/O BAR may implement 16 bits only */
	out->address = value & ~flags;
	out->size = 0 - mask;
	/* mask is not 0, so size is not 0. */
	if ((out->size & (out->size - 1)) != 0 || (out->address & (out->size - 1)) != 0)
		return IVSH_EPROTO;
	return 0;
}
