/* SPDX-License-Identifier: MIT */
/*
 * map.c - P2: mappings of the device's BARs.
 */
#include "conformance/check.h"

#include <ivsh/device.h>
#include <ivsh/pci.h>

#include <stddef.h>

#define COMMAND 0x04u
#define COMMAND_MEMORY 2u

#define PAGE 4096u
#define BLOCK 256u /* platform.h: registers are mapped in multiples of it */

#define ROUNDS 64u /* or as many as there is time for, where a mapping is large, and at least: */
#define ROUNDS_LEAST 8u
#define ROUNDS_NS (2000 * MS)

/* The device under test, with its BARs as configuration space has them. */
struct target {
	const struct ivsh_platform *platform;
	uint32_t function;
	struct ivsh_bar bar[3];
};

static void *map(const struct target *t, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	return t->platform->map(t->platform->ctx, address, size, kind);
}

static void unmap(const struct target *t, volatile void *base, uint64_t size)
{
	if (t->platform->unmap != NULL && base != NULL)
		t->platform->unmap(t->platform->ctx, (void *)(uintptr_t)base, size);
}

static volatile uint32_t *map_registers(const struct target *t)
{
	return map(t, t->bar[0].address, IVSH_REG_SIZE, IVSH_MAP_REGISTERS);
}

/* The offset in the page; also of what is not at the start of a page: BAR1 with its PBA. */
static bool keeps_offset(struct run *run, const struct target *t, uint64_t address)
{
	volatile void *at = map(t, address, BLOCK, IVSH_MAP_REGISTERS);
	uint64_t offset = (uintptr_t)at % PAGE;

	unmap(t, at, BLOCK);
	if (at != NULL && offset == address % PAGE)
		return true;
	ivsh_check_breaks(run, P2_2_OFFSET,
	    at == NULL ? "is wanted, and map answers NULL" : "is the pointer's offset",
	    at == NULL ? address % PAGE : offset, address % PAGE);
	return false;
}

static void check_offset(struct run *run, const struct target *t)
{
	bool good;

	ivsh_check_begins(run, P2_2_OFFSET);
	good = keeps_offset(run, t, t->bar[0].address);
	if (good && t->bar[1].address != 0 && t->bar[1].size >= PAGE)
		good = keeps_offset(run, t, t->bar[1].address + PAGE / 2) &&
		       keeps_offset(run, t, t->bar[1].address + BLOCK);
	if (good)
		ivsh_check_keeps(run, P2_2_OFFSET);
}

/* Two mappings of BAR0 are two names of the same registers, and one is enough to use them. */
static void check_shared(struct run *run, const struct target *t, volatile uint32_t *first)
{
	volatile uint32_t *second;
	bool same;

	ivsh_check_begins(run, P2_4_SHARED_PAGE);
	second = map_registers(t);
	if (second == NULL) {
		ivsh_check_breaks(run, P2_4_SHARED_PAGE, "a second map answers NULL", 0, 0);
		return;
	}
	first[IVSH_REG_INTRMASK / 4] = 0x12345678;
	same = second[IVSH_REG_INTRMASK / 4] == 0x12345678;
	unmap(t, second, IVSH_REG_SIZE);
	same &= first[IVSH_REG_INTRMASK / 4] == 0x12345678;
	first[IVSH_REG_INTRMASK / 4] = 0;
	ivsh_check_holds(run, P2_4_SHARED_PAGE, same,
	    "a register differs, or is gone with the other mapping", 0, 0);
}

static void check_mapped_registers(struct run *run, const struct target *t)
{
	volatile uint32_t *registers;

	ivsh_check_begins(run, P2_1_REGISTERS);
	registers = map_registers(t);
	if (registers != NULL && (uintptr_t)registers % PAGE == t->bar[0].address % PAGE) {
		ivsh_check_registers(run, registers, P2_1_REGISTERS, P2_3_UNCACHED);
	} else {
		if (registers == NULL)
			ivsh_check_breaks(run, P2_1_REGISTERS, "map answers NULL", 0, 0);
		else
			ivsh_check_skips(run, P2_1_REGISTERS, WHY_NEEDS);
		ivsh_check_skips(run, P2_3_UNCACHED, WHY_NEEDS);
	}
	if (ivsh_check_usable(run, P2_4_SHARED_PAGE, P2_1_REGISTERS))
		check_shared(run, t, registers);
	unmap(t, registers, IVSH_REG_SIZE);
}

static void check_again(struct run *run, const struct target *t, const struct ivsh_doorbell *clock)
{
	uint64_t start = clock->now_ns(clock->ctx);
	uint32_t round = 0;
	bool good = true;

	ivsh_check_begins(run, P2_7_AGAIN);
	while (good && round < ROUNDS &&
	       (round < ROUNDS_LEAST || clock->now_ns(clock->ctx) - start < ROUNDS_NS)) {
		void *memory = map(t, t->bar[2].address, t->bar[2].size, IVSH_MAP_MEMORY);
		volatile uint32_t *registers = map_registers(t);

		good = memory != NULL && registers != NULL;
		unmap(t, memory, t->bar[2].size);
		unmap(t, registers, IVSH_REG_SIZE);
		round += good;
	}
	ivsh_check_holds(run, P2_7_AGAIN, good, "times it could", round, ROUNDS);
}

static void check_mapped_memory(
    struct run *run, const struct target *t, const struct ivsh_doorbell *clock)
{
	const struct range memory = {
	    map(t, t->bar[2].address, t->bar[2].size, IVSH_MAP_MEMORY), t->bar[2].size};

	if (memory.base == NULL) {
		ivsh_check_breaks(run, P2_5_MEMORY, "map answers NULL", 0, 0);
		ivsh_check_skips(run, P2_6_WRITE_BACK, WHY_NEEDS);
		ivsh_check_skips(run, P2_7_AGAIN, WHY_NEEDS);
		return;
	}
	if ((uintptr_t)memory.base % PAGE != 0) {
		ivsh_check_breaks(run, P2_5_MEMORY, "is the pointer's offset in a page",
		    (uintptr_t)memory.base % PAGE, 0);
		ivsh_check_skips(run, P2_6_WRITE_BACK, WHY_NEEDS);
	} else {
		ivsh_check_memory(run, clock, &memory, P2_5_MEMORY, P2_6_WRITE_BACK);
	}
	unmap(t, memory.base, memory.size);
	check_again(run, t, clock);
}

void ivsh_check_map(struct run *run, const struct ivsh_platform *platform,
    const struct ivsh_doorbell *clock, uint32_t function)
{
	struct target t = {.platform = platform, .function = function};
	uint32_t command;

	for (uint32_t i = 0; i < 3; i++) {
		if (ivsh_pci_bar(platform, function, i, &t.bar[i]) != 0 ||
		    (i != 1 && t.bar[i].address == 0)) {
			ivsh_skip_map(run, "a BAR of the device has no address: ivsh_pci_assign()");
			return;
		}
	}
	command = platform->config_read(platform->ctx, function, COMMAND) & 0xffff;
	platform->config_write(platform->ctx, function, COMMAND, command | COMMAND_MEMORY);
	check_offset(run, &t);
	check_mapped_registers(run, &t);
	check_mapped_memory(run, &t, clock);
	platform->config_write(platform->ctx, function, COMMAND, command);
}

void ivsh_skip_map(struct run *run, const char *why)
{
	for (uint32_t i = P2_1_REGISTERS; i <= P2_7_AGAIN; i++)
		ivsh_check_skips(run, (enum clause)i, why);
}
