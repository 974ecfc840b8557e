/* SPDX-License-Identifier: MIT */
/*
 * tree.c - what the start code needs of the device tree: RAM, serial port, command line.
 *
 * The MMU may be off here. So structs are not copied whole, for which a compiler may call memcpy().
 */
#include "bare/arch.h"
#include "bare/virt/virt.h"

#define COMMAND_LINE_BYTES 4096u
#define PIECES 32u /* of RAM; pieces that touch are one */

static struct bare_dtb tree;
static struct bare_dtb_range ram[PIECES];
static uint32_t pieces;
static uint64_t uart;

/* --- RAM -------------------------------------------------------------------------------------- */

/* Take the piece that touches (range) out of the list, and make it a part of it. */
static bool join(struct bare_dtb_range *range)
{
	for (uint32_t i = 0; i < pieces; i++) {
		bool below = ram[i].address + ram[i].size == range->address;

		if (!below && range->address + range->size != ram[i].address)
			continue;
		if (below)
			range->address = ram[i].address;
		range->size += ram[i].size;
		pieces--;
		ram[i].address = ram[pieces].address;
		ram[i].size = ram[pieces].size;
		return true;
	}
	return false;
}

/* Each node of a NUMA machine has its own, in any order. */
static void add_ram(struct bare_dtb_range *range)
{
	if (range->size == 0 || range->size > UINT64_MAX - range->address)
		return;
	while (join(range))
		;
	if (pieces == PIECES)
		return;
	ram[pieces].address = range->address;
	ram[pieces].size = range->size;
	pieces++;
}

/* All nodes of memory are below the root (Devicetree Specification 0.4, 3.4). */
static void find_ram(void)
{
	uint32_t node = bare_dtb_child(&tree, bare_dtb_root(&tree));
	struct bare_dtb_value type;
	struct bare_dtb_range range;

	pieces = 0;
	for (; node != 0; node = bare_dtb_sibling(&tree, node)) {
		if (!bare_dtb_property(&tree, node, "device_type", &type) ||
		    !bare_dtb_has_text(&type, "memory") || !bare_dtb_is_enabled(&tree, node))
			continue;
		for (uint32_t i = 0; i < PIECES && bare_dtb_reg(&tree, node, i, &range); i++)
			add_ram(&range);
	}
}

bool virt_ram(uint32_t index, struct bare_dtb_range *range)
{
	if (index >= pieces)
		return false;
	range->address = ram[index].address;
	range->size = ram[index].size;
	return true;
}

uint64_t virt_ram_end(uint64_t address)
{
	for (uint32_t i = 0; i < pieces; i++)
		if (address >= ram[i].address && address - ram[i].address < ram[i].size)
			return ram[i].address + ram[i].size;
	return 0;
}

/* --- Serial port ------------------------------------------------------------------------------ */

static void find_uart(void)
{
	uint32_t chosen = bare_dtb_path(&tree, "/chosen"), node = 0;
	const char *path = chosen != 0 ? bare_dtb_text(&tree, chosen, "stdout-path") : NULL;
	struct bare_dtb_range range;

	if (path != NULL)
		node = bare_dtb_path(&tree, path);
	if (node == 0)
		node = bare_dtb_compatible(&tree, 0, "arm,pl011");
	if (node == 0)
		node = bare_dtb_compatible(&tree, 0, "ns16550a");
	uart = node != 0 && bare_dtb_reg(&tree, node, 0, &range) ? range.address : 0;
}

uint64_t virt_uart(void)
{
	return uart;
}

/* --- All of it -------------------------------------------------------------------------------- */

bool virt_init(const void *bytes)
{
	if (!bare_dtb_open(&tree, bytes))
		return false;
	find_ram();
	find_uart();
	return true;
}

const struct bare_dtb *virt_dtb(void)
{
	return &tree;
}

const char *arch_command_line(void)
{
	uint32_t chosen = bare_dtb_path(&tree, "/chosen");
	const char *line = chosen != 0 ? bare_dtb_text(&tree, chosen, "bootargs") : NULL;

	if (line == NULL)
		return "";
	for (uint32_t i = 0; i < COMMAND_LINE_BYTES; i++)
		if (line[i] == '\0')
			return line;
	return NULL;
}
