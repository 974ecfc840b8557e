/* SPDX-License-Identifier: MIT */
/*
 * bridge.c - bus numbers and windows of a PCI-to-PCI bridge.
 */
#include "device/bridge.h"

#include <ivsh/error.h>

#define PREFETCH_TYPE 0xfu    /* bridge 3.2.5.9 */
#define PREFETCH_TYPE_64 0x1u /* bridge 3.2.5.9: the upper 32 bits are implemented */

static uint32_t window_offset(enum bridge_window which)
{
	return which == BRIDGE_LOW ? CONFIG_MEMORY : CONFIG_PREFETCH;
}

bool ivsh_bridge_has_high(const struct ivsh_platform *platform, uint32_t function)
{
	return (config_read(platform, function, CONFIG_PREFETCH) & PREFETCH_TYPE) ==
	       PREFETCH_TYPE_64;
}

/* The first address of a window and its last one, as the registers have them. */
static void window_registers(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, uint64_t *start, uint64_t *last)
{
	uint32_t word = config_read(platform, function, window_offset(which));

	*start = (word & 0xfff0) << 16;
	*last = (word & 0xfff00000) | (BRIDGE_GRANULARITY - 1);
	if (which == BRIDGE_HIGH && (word & PREFETCH_TYPE) == PREFETCH_TYPE_64) {
		*start |= (uint64_t)config_read(platform, function, CONFIG_PREFETCH_BASE) << 32;
		*last |= (uint64_t)config_read(platform, function, CONFIG_PREFETCH_LIMIT) << 32;
	}
}

bool ivsh_bridge_read(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, struct range *window)
{
	uint64_t start, last;

	window_registers(platform, function, which, &start, &last);
	*window = (struct range){0, 0};
	if (start == 0 || last < start || last == UINT64_MAX)
		return false;
	*window = (struct range){start, last + 1};
	return true;
}

void ivsh_bridge_write(const struct ivsh_platform *platform, uint32_t function,
    enum bridge_window which, struct range window)
{
	uint64_t start = window.start, last = window.end - 1;

	if (window.start == window.end) { /* closed: base above limit; bridge 3.2.5.8 */
		start = 0xfff00000;
		last = BRIDGE_GRANULARITY - 1;
	}
	config_write(platform, function, window_offset(which),
	    ((uint32_t)start >> 16 & 0xfff0) | ((uint32_t)last & 0xfff00000));
	if (which == BRIDGE_HIGH) {
		config_write(platform, function, CONFIG_PREFETCH_BASE, (uint32_t)(start >> 32));
		config_write(platform, function, CONFIG_PREFETCH_LIMIT, (uint32_t)(last >> 32));
	}
}

void ivsh_bridge_close(
    const struct ivsh_platform *platform, uint32_t function, enum bridge_window which)
{
	uint64_t start, last;

	window_registers(platform, function, which, &start, &last);
	if (start != 0)
		return; /* it is open there, or closed */
	ivsh_config_command(platform, function, COMMAND_MEMORY, 0);
	ivsh_bridge_write(platform, function, which, (struct range){0, 0});
}

void ivsh_bridge_buses_set(const struct ivsh_platform *platform, uint32_t function,
    uint32_t secondary, uint32_t subordinate)
{
	uint32_t timer = config_read(platform, function, CONFIG_BUSES) & 0xff000000;

	config_write(platform, function, CONFIG_BUSES,
	    timer | subordinate << 16 | secondary << 8 | IVSH_PCI_BUS(function));
}

int ivsh_bridge_buses_reserve(const struct ivsh_platform *platform, uint32_t function,
    uint32_t next, uint32_t end, struct bridge_buses *reserved)
{
	reserved->before = config_read(platform, function, CONFIG_BUSES);
	reserved->buses = ivsh_config_buses(platform, function);
	reserved->numbered = reserved->buses.subordinate != 0 && reserved->buses.subordinate < end;
	if (reserved->numbered)
		return 0;
	if (next >= end)
		return IVSH_ENOSPC;
	/* All free numbers lead here until the last one needed is known: no sibling has any. */
	ivsh_bridge_buses_set(platform, function, next, end - 1);
	reserved->buses = ivsh_config_buses(platform, function);
	if (reserved->buses.secondary != next)
		reserved->buses.subordinate = 0;
	return 0;
}

void ivsh_bridge_buses_restore(
    const struct ivsh_platform *platform, uint32_t function, const struct bridge_buses *reserved)
{
	if (!reserved->numbered)
		config_write(platform, function, CONFIG_BUSES, reserved->before);
}

uint32_t ivsh_bridge_buses_next(
    const struct ivsh_platform *platform, uint32_t bus, uint32_t next, uint32_t end)
{
	struct config_function at;

	for (uint32_t number = 0; number < 256; number += at.step) {
		uint32_t function = bus << 8 | number, last;

		at = ivsh_config_probe(platform, function);
		if (at.header != HEADER_BRIDGE)
			continue;
		last = ivsh_config_buses(platform, function).subordinate;
		if (last < end && last >= next)
			next = last + 1;
	}
	return next;
}
