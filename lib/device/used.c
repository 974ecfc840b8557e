/* SPDX-License-Identifier: MIT */
/*
 * used.c - the addresses that the functions on a bus have.
 */
#include "device/used.h"

#include "device/bridge.h"

#include <ivsh/pci.h>

#define BAR_IO 0x1u             /* PCI 6.2.5.1 */
#define BAR_TYPE_64 0x4u        /* PCI table 6-4, of bits 2:1 */
#define ROM_ADDRESS 0xfffff800u /* PCI 6.2.5.2 */

/* How much is at an address is unknown: nothing is free. */
static void use_all(struct ranges *ranges)
{
	ivsh_ranges_use(ranges, 0, UINT64_MAX);
}

/* A BAR is sized only where that matters, as decoding is off meanwhile. */
static void use_bars(
    const struct ivsh_platform *platform, uint32_t function, uint8_t header, struct ranges *ranges)
{
	uint32_t count = config_bars(header);
	struct ivsh_bar bar;

	for (uint32_t i = 0, step; i < count; i += step) {
		uint32_t word = config_read(platform, function, CONFIG_BAR + 4 * i);
		bool is_64 = (word & (BAR_IO | BAR_TYPE_64)) == BAR_TYPE_64 && i + 1 < count;
		uint64_t address = ivsh_config_bar(platform, function, i, is_64);

		step = is_64 ? 2 : 1;
		if (word & BAR_IO)
			continue;
		if (address == 0 || address >= ranges->within.end)
			continue;
		if (ivsh_pci_bar(platform, function, i, &bar) != 0)
			use_all(ranges);
		else
			ivsh_ranges_use(ranges, bar.address, bar.size);
	}
}

/* It need not be enabled now: the owner may do that at any time. */
static void use_rom(
    const struct ivsh_platform *platform, uint32_t function, uint8_t header, struct ranges *ranges)
{
	uint32_t offset = header == HEADER_BRIDGE ? CONFIG_BRIDGE_ROM : CONFIG_ROM;
	uint32_t value, kept, command;

	if (header > HEADER_BRIDGE)
		return;
	value = config_read(platform, function, offset);
	if ((value & ROM_ADDRESS) == 0 || (value & ROM_ADDRESS) >= ranges->within.end)
		return;
	command = ivsh_config_command(platform, function, COMMAND_MEMORY, 0);
	config_write(platform, function, offset, ROM_ADDRESS);
	kept = config_read(platform, function, offset) & ROM_ADDRESS;
	config_write(platform, function, offset, value);
	ivsh_config_command(platform, function, 0, command);
	if (kept == 0)
		use_all(ranges);
	else /* 0 - kept: if it is no power of two, more than there is */
		ivsh_ranges_use(ranges, value & ROM_ADDRESS, (uint32_t)(0 - kept));
}

void ivsh_used(const struct ivsh_platform *platform, uint32_t bus, uint32_t skipped,
    enum bridge_window which, struct ranges *ranges)
{
	struct config_function at;
	struct range window;

	for (uint32_t number = 0; number < 256; number += at.step) {
		uint32_t function = bus << 8 | number;

		at = ivsh_config_probe(platform, function);
		if (at.id == CONFIG_ABSENT)
			continue;
		use_bars(platform, function, at.header, ranges);
		use_rom(platform, function, at.header, ranges);
		for (uint32_t i = 0; at.header == HEADER_BRIDGE && i < BRIDGE_WINDOWS; i++)
			if (!(function == skipped && i == (uint32_t)which) &&
			    ivsh_bridge_read(platform, function, i, &window))
				ivsh_ranges_use(ranges, window.start, window.end - window.start);
	}
}
