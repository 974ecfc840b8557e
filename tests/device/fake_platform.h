/* SPDX-License-Identifier: MIT */
/*
 * fake_platform.h - a PCI bus in memory, and a struct ivsh_platform for it. Tests can make it lie.
 *
 * A table has all functions, on a root bus or behind a bridge of the table. Each has 256 bytes of
 * configuration space and a mask of the bits that a write can change, so sizing a BAR works as on a
 * real bus; a test changes bits of either. Bus numbers in the bridges route the cycles.
 */
#ifndef FAKE_PLATFORM_H
#define FAKE_PLATFORM_H

#include <ivsh/device.h>

#include <stdbool.h>
#include <stdint.h>

#define FAKE_FUNCTIONS 300
#define FAKE_ROOT (-1)                        /* as a parent: the root bus */
#define FAKE_ROOT_BUS(number) (-1 - (number)) /* as a parent: the root bus with that number */

#define FAKE_BAR_IO 0x1u
#define FAKE_BAR_64 0x4u
#define FAKE_BAR_PREFETCH 0x8u

#define FAKE_LOG_MSIX 0x100u    /* with 2: enabled, 1: masked */
#define FAKE_LOG_COMMAND 0x200u /* with bits 2:1 of COMMAND */
#define FAKE_LOG_UNMAP 0x300u
#define FAKE_LOG_MSI_CLOSE 0x400u

struct fake_function {
	int parent;            /* index of the bridge above, or FAKE_ROOT, or FAKE_ROOT_BUS() */
	uint32_t devfn;        /* device << 3 | function */
	uint32_t config[64];   /* as it reads */
	uint32_t writable[64]; /* bits that a write changes */
	bool forgets;          /* fault: its BARs size, but keep no address */
};

struct fake_bus {
	struct fake_function function[FAKE_FUNCTIONS];
	int count;
	struct ivsh_platform platform; /* ctx is this bus */

	/* What the platform saw. */
	unsigned reads, writes;
	unsigned faults; /* bad offsets; a change of a BAR or window that decodes; STATUS cleared */
	int maps;        /* mapped and not yet unmapped */
	unsigned slept;
	enum ivsh_map kind[2]; /* of the last map of BAR0 and of BAR2 */

	/*
	 * MSI-X: the words that change its state, in order, with the table's entries then unmasked.
	 */
	struct {
		uint32_t control; /* 2: enabled, 1: masked */
		unsigned unmasked;
	} msix[16];
	unsigned msix_writes;
	uint64_t table_size; /* bytes of the table's mapping; 0: not mapped */
	uint32_t opened;     /* interrupts allocated and not freed: always the first ones */
	uint32_t opened_for; /* the function that they are for */

	/* What a close is made of, in order: FAKE_LOG_* with the bits written, or the index. */
	uint32_t log[16];
	unsigned log_count;

	/* Faults of the platform. */
	bool no_registers; /* BAR0 cannot be mapped */
	bool no_memory;    /* BAR2 cannot be mapped */
	bool misaligned;   /* mappings are not aligned */
	bool no_table;     /* no other BAR can be mapped */
	uint32_t msi_max;  /* interrupts that it can allocate */

	/*
	 * What is mapped: the same registers for every device, and the same page of memory, but for
	 * a device that has one here, by its index.
	 */
	uint8_t *memory_of[FAKE_FUNCTIONS];
	_Alignas(4096) uint8_t memory[2 * 4096];
	_Alignas(64) uint32_t registers[80];
	/* Any other memory BAR, from its start. */
	_Alignas(4096) uint32_t table[128 * 1024 / 4];
};

/* Make an empty bus, with its platform ready. */
void fake_init(struct fake_bus *bus);

/* Add a function; answers its index. header is the header type with its multi-function bit. */
int fake_add(struct fake_bus *bus, int parent, uint32_t devfn, uint32_t id, uint32_t header);

/* Add a bridge as after reset; (high): it has a prefetchable window, of 64 bits. */
int fake_bridge(struct fake_bus *bus, int parent, uint32_t devfn, bool high);

/* Give a bridge numbers and a memory window [start, end) of whole megabytes, as firmware does. */
void fake_bridge_set(struct fake_bus *bus, int bridge, uint32_t primary, uint32_t secondary,
    uint32_t subordinate, uint32_t start, uint32_t end);

/* Add an ivshmem function as QEMU makes it, without addresses; vectors 0: ivshmem-plain. */
int fake_ivshmem(
    struct fake_bus *bus, int parent, uint32_t devfn, uint64_t memory_size, uint32_t vectors);

/* Set BAR (bar) up, without an address. size is a power of two; flags are FAKE_BAR_*. */
void fake_bar(struct fake_bus *bus, int index, uint32_t bar, uint64_t size, uint32_t flags);

/* Give a BAR an address, as firmware does. */
void fake_bar_set(struct fake_bus *bus, int index, uint32_t bar, uint64_t address);

/* Give a function an expansion ROM of (size) bytes at (address), as firmware does; not a bridge. */
void fake_rom(struct fake_bus *bus, int index, uint32_t size, uint32_t address);

/* Unplug a function. fake_add() and its like use the index again for the next one. */
void fake_function_remove(struct fake_bus *bus, int index);
bool fake_function_there(const struct fake_bus *bus, int index);

/* The window of a bridge: 0 its memory window, 1 the prefetchable one. False: it is closed. */
bool fake_window(
    const struct fake_bus *bus, int bridge, unsigned which, uint64_t *start, uint64_t *end);

/* The message of interrupt (index), as the platform answers it. */
#define FAKE_MSI_ADDRESS(index) (UINT64_C(0x5fee00000) + (index)*4)
#define FAKE_MSI_DATA(index) (0x4000u + (index))

/* The MSI-X table of the function with index (index), and how many entries are not masked. */
uint32_t *fake_table(struct fake_bus *bus, int index);
unsigned fake_unmasked(struct fake_bus *bus, int index);

/* The address in a BAR, without asking the library. */
uint64_t fake_bar_get(const struct fake_bus *bus, int index, uint32_t bar);

/* The size of a memory BAR, likewise; 0: none. */
uint64_t fake_bar_size(const struct fake_bus *bus, int index, uint32_t bar);

/* Does a cycle to [address, address + size) on the root bus pass every bridge above (index)? */
bool fake_reaches(const struct fake_bus *bus, int index, uint64_t address, uint64_t size);

#endif
