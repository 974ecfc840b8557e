/* SPDX-License-Identifier: MIT */
/*
 * config.c - P1: configuration space, by the registers of one ivshmem device.
 *
 * PCI Local Bus Specification 3.0 (PCI), 6.1 and 6.2. Every register is as before afterwards.
 */
#include "conformance/check.h"

#include <ivsh/device.h>

#include <stddef.h>

#define ID 0x00u      /* PCI 6.2.1 */
#define COMMAND 0x04u /* PCI 6.2.2; STATUS in the upper half, where a 1 clears a bit */
#define CLASS 0x08u   /* PCI 6.2.1: class in 31:8, revision in 7:0 */
#define HEADER 0x0cu  /* PCI 6.2.1: header type in 23:16; its bit 7: several functions */
#define BAR0 0x10u
#define BAR2 0x18u
#define BAR3 0x1cu           /* the upper half of BAR2 */
#define INTERRUPT_LINE 0x3cu /* PCI 6.2.4: bits 7:0; the rest is read-only here */

#define COMMAND_MEMORY 2u
#define SEVERAL_FUNCTIONS (UINT32_C(1) << 23)
#define CLASS_RAM 0x0500u
#define ID_IVSHMEM (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR)

static uint32_t get(const struct ivsh_platform *platform, uint32_t function, uint32_t offset)
{
	return platform->config_read(platform->ctx, function, offset);
}

static void put(
    const struct ivsh_platform *platform, uint32_t function, uint32_t offset, uint32_t value)
{
	platform->config_write(platform->ctx, function, offset, value);
}

/* A device with one function alone has no other: PCI 3.2.2.3.4. */
static void check_absent(struct run *run, const struct ivsh_platform *platform, uint32_t function)
{
	uint32_t other = function ^ 1, command, id, read;

	if ((get(platform, function & ~UINT32_C(7), HEADER) & SEVERAL_FUNCTIONS) != 0 ||
	    IVSH_PCI_FN(function) != 0) {
		ivsh_check_skips(run, P1_1_ABSENT, "the device is one of several functions");
		return;
	}
	ivsh_check_begins(run, P1_1_ABSENT);
	command = get(platform, function, COMMAND);
	id = get(platform, other, ID);
	put(platform, other, COMMAND, (command ^ COMMAND_MEMORY) & 0xffff);
	read = get(platform, function, COMMAND);
	put(platform, function, COMMAND, command & 0xffff);
	if (id != UINT32_MAX)
		ivsh_check_breaks(
		    run, P1_1_ABSENT, "is read of an absent function", id, UINT32_MAX);
	else
		ivsh_check_holds(run, P1_1_ABSENT, ((read ^ command) & 0xffff) == 0,
		    "is in COMMAND after a write to an absent function", read & 0xffff,
		    command & 0xffff);
}

static void check_read(struct run *run, const struct ivsh_platform *platform, uint32_t function)
{
	uint32_t id = get(platform, function, ID), class = get(platform, function, CLASS);

	ivsh_check_begins(run, P1_2_READ);
	if (id != ID_IVSHMEM)
		ivsh_check_breaks(run, P1_2_READ, "is the ID", id, ID_IVSHMEM);
	else
		ivsh_check_holds(run, P1_2_READ, class >> 16 == CLASS_RAM, "is the class",
		    class >> 16, CLASS_RAM);
}

/* A register that has these bits takes them, and the two beside it stay as they are. */
struct pattern {
	uint32_t offset, value;
	uint32_t mask; /* the bits that can be written */
	const char *what;
};

static bool takes(struct run *run, const struct ivsh_platform *platform, uint32_t function,
    const struct pattern *pattern)
{
	uint32_t before =
	    get(platform, function, pattern->offset) & (pattern->offset == COMMAND ? 0xffff : ~0u);
	uint32_t below = get(platform, function, pattern->offset - 4);
	uint32_t above = get(platform, function, pattern->offset + 4);
	uint32_t read, others;

	put(platform, function, pattern->offset, pattern->value);
	read = get(platform, function, pattern->offset);
	others = (get(platform, function, pattern->offset - 4) ^ below) |
		 (get(platform, function, pattern->offset + 4) ^ above);
	put(platform, function, pattern->offset, before);
	if (((read ^ pattern->value) & pattern->mask) != 0)
		ivsh_check_breaks(run, P1_3_WRITE, pattern->what, read & pattern->mask,
		    pattern->value & pattern->mask);
	else if (others != 0)
		ivsh_check_breaks(
		    run, P1_3_WRITE, "are bits changed beside what was written", others, 0);
	else if (((get(platform, function, pattern->offset) ^ before) & pattern->mask) != 0)
		ivsh_check_breaks(run, P1_3_WRITE, "is read of it when it is written as before",
		    get(platform, function, pattern->offset), before);
	else
		return true;
	return false;
}

/* With decoding off: addresses are written. A BAR takes the bits above its size. */
static void check_write(struct run *run, const struct ivsh_platform *platform, uint32_t function)
{
	static const struct pattern patterns[] = {
	    {COMMAND, 0, COMMAND_MEMORY, "is read of COMMAND's memory bit"},
	    {COMMAND, COMMAND_MEMORY, COMMAND_MEMORY, "is read of COMMAND's memory bit"},
	    {INTERRUPT_LINE, 0x5a, 0xff, "is read of the interrupt line"},
	    {INTERRUPT_LINE, 0xa5, 0xff, "is read of the interrupt line"},
	    {BAR0, 0xffffff00, 0xffffff00, "is read of BAR0"},
	    {BAR0, 0x5a5a5a00, 0xffffff00, "is read of BAR0"},
	    {BAR3, 0x000000a5, 0xff, "is read of the upper half of BAR2"},
	    {BAR3, 0x5a000000, 0xff000000, "is read of the upper half of BAR2"},
	};
	uint32_t command = get(platform, function, COMMAND) & 0xffff;
	bool wide = (get(platform, function, BAR2) & 6) == 4, good = true;

	ivsh_check_begins(run, P1_3_WRITE);
	put(platform, function, COMMAND, command & ~COMMAND_MEMORY);
	for (uint32_t i = 0; good && i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (patterns[i].offset != BAR3 || wide)
			good = takes(run, platform, function, &patterns[i]);
	put(platform, function, COMMAND, command);
	if (good)
		ivsh_check_keeps(run, P1_3_WRITE);
}

void ivsh_check_config(struct run *run, const struct ivsh_platform *platform, uint32_t function)
{
	check_read(run, platform, function);
	check_absent(run, platform, function);
	check_write(run, platform, function);
}
