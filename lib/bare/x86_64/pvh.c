/* SPDX-License-Identifier: MIT */
/*
 * pvh.c - the loader's PVH start info: the command line and the memory map.
 *
 * xen/include/public/arch-x86/hvm/start_info.h. Everything is copied once, at the start: the
 * loader's memory may be anywhere, the heap included.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define START_MAGIC 0x336ec578u
#define COMMAND_LINE_BYTES 4096u
#define MEMORY_ENTRIES 32u /* entries kept; QEMU passes fewer than ten */
#define MEMORY_RAM 1u      /* as ACPI's AddressRangeMemory */

struct start_info {
	uint32_t magic;
	uint32_t version; /* the memory map is there from version 1 on */
	uint32_t flags;
	uint32_t modules;
	uint64_t modules_address;
	uint64_t command_line_address;
	uint64_t rsdp_address;
	uint64_t memory_address;
	uint32_t memory_entries;
	uint32_t reserved;
};

struct memory_entry {
	uint64_t address;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

static char command_line[COMMAND_LINE_BYTES];
static bool command_line_whole = true;
static struct memory_entry memory[MEMORY_ENTRIES];
static uint32_t memory_count;
static bool has_acpi;

/* Map and read page by page: the text may end in the last page of memory. */
static void copy_command_line(uint64_t address)
{
	const char *at = NULL;

	if (address == 0)
		return;
	for (uint32_t i = 0; i < COMMAND_LINE_BYTES; i++) {
		if (at == NULL || (address + i) % 4096 == 0)
			at = x86_map(address + i, 1, IVSH_MAP_MEMORY);
		else
			at++;
		if (at == NULL)
			x86_fatal("start: the command line is nowhere");
		command_line[i] = *at;
		if (*at == '\0')
			return;
	}
	command_line_whole = false;
}

static void copy_memory_map(uint64_t address, uint32_t count)
{
	const uint8_t *from;

	memory_count = 0;
	if (count > MEMORY_ENTRIES)
		count = MEMORY_ENTRIES;
	from = x86_map(address, count * sizeof(struct memory_entry), IVSH_MAP_MEMORY);
	if (from == NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct memory_entry *to = &memory[memory_count];

		__builtin_memcpy(to, from + i * sizeof(*to), sizeof(*to));
		if (to->type == MEMORY_RAM && to->size <= UINT64_MAX - to->address)
			memory_count++;
	}
}

void x86_pvh_init(uint32_t address)
{
	const void *from = x86_map(address, sizeof(struct start_info), IVSH_MAP_MEMORY);
	struct start_info info = {0};

	/* Neither the start info nor the map need be aligned. */
	if (from != NULL)
		__builtin_memcpy(&info, from, sizeof(info));
	if (info.magic != START_MAGIC || info.version < 1)
		x86_fatal("start: the loader left no PVH start info with a memory map");
	has_acpi = info.rsdp_address != 0;
	copy_memory_map(info.memory_address, info.memory_entries);
	copy_command_line(info.command_line_address);
	if (x86_ram_end((uint64_t)(uintptr_t)image_end - 1) == 0)
		x86_fatal("start: the image is outside the memory map");
}

uint64_t x86_ram_end(uint64_t address)
{
	for (uint32_t i = 0; i < memory_count; i++)
		if (address >= memory[i].address && address - memory[i].address < memory[i].size)
			return memory[i].address + memory[i].size;
	return 0;
}

uint64_t x86_ram_top(uint64_t limit)
{
	uint64_t top = 0;

	for (uint32_t i = 0; i < memory_count; i++)
		if (memory[i].address < limit && memory[i].address + memory[i].size > top)
			top = memory[i].address + memory[i].size;
	return top;
}

bool x86_pvh_has_acpi(void)
{
	return has_acpi;
}

const char *arch_command_line(void)
{
	return command_line_whole ? command_line : NULL;
}
