/* SPDX-License-Identifier: MIT */
/*
 * wrong_device.c - configuration space, mappings and interrupts as ports get them wrong; and what
 * crashes a machine, or hangs it.
 */
#include "tests/conformance/wrong.h"

#include <ivsh/device.h>

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096u
#define COMMAND 4u

static uint32_t get(uint32_t function, uint32_t offset)
{
	return real->config_read(real->ctx, function, offset);
}

static void put(uint32_t function, uint32_t offset, uint32_t value)
{
	real->config_write(real->ctx, function, offset, value);
}

static void *map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	return real->map(real->ctx, address, size, kind);
}

static void unmap(void *base, uint64_t size)
{
	if (real->unmap != NULL)
		real->unmap(real->ctx, base, size);
}

/* --- Configuration space ---------------------------------------------------------------------- */

static void write_dropped(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx, (void)function, (void)offset, (void)value;
}

static void make_dropped(struct ivsh_platform *platform)
{
	platform->config_write = write_dropped;
}

/* The system's call takes a word of 16 bits. */
static void write_narrow(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	put(function, offset, (get(function, offset) & 0xffff0000) | (value & 0xffff));
}

static void make_narrow(struct ivsh_platform *platform)
{
	platform->config_write = write_narrow;
}

/* Two words of 16 bits, and both at the same offset. */
static void write_twice(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	put(function, offset, value << 16 | value >> 16);
}

static void make_swapped(struct ivsh_platform *platform)
{
	platform->config_write = write_twice;
}

static uint32_t read_narrow(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	return get(function, offset) & 0xffff;
}

static void make_read_narrow(struct ivsh_platform *platform)
{
	platform->config_read = read_narrow;
}

/* The system's call answers a byte. */
static uint32_t read_byte(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	return get(function, offset) & 0xff;
}

static void make_read_byte(struct ivsh_platform *platform)
{
	platform->config_read = read_byte;
}

/* The address is made of bus and device alone. */
static uint32_t read_ghost(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	return get(function & ~UINT32_C(7), offset);
}

static void write_ghost(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	put(function & ~UINT32_C(7), offset, value);
}

static void make_ghost(struct ivsh_platform *platform)
{
	platform->config_read = read_ghost;
	platform->config_write = write_ghost;
}

/* What a master abort reads as is not what the contract has. */
static uint32_t read_zero(void *ctx, uint32_t function, uint32_t offset)
{
	uint32_t word = get(function, offset);

	(void)ctx;
	return word == UINT32_MAX ? 0 : word;
}

static void make_zero(struct ivsh_platform *platform)
{
	platform->config_read = read_zero;
}

/* --- Mappings --------------------------------------------------------------------------------- */

/* As NuttX maps on x86, and U-Boot on arm64. */
static void *map_uncached(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	return map(address, size, IVSH_MAP_REGISTERS);
}

static void make_uncached(struct ivsh_platform *platform)
{
	platform->map = map_uncached;
}

static void *map_cached(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	return map(address, size, IVSH_MAP_MEMORY);
}

static void make_cached(struct ivsh_platform *platform)
{
	platform->map = map_cached;
}

static void *map_shifted(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	char *base = map(address, size, kind);

	(void)ctx;
	return kind == IVSH_MAP_MEMORY && base != NULL ? base + 64 : base;
}

static void unmap_shifted(void *ctx, void *base, uint64_t size)
{
	char *at = base;

	(void)ctx;
	unmap((uintptr_t)at % PAGE == 64 ? at - 64 : at, size);
}

static void make_shifted(struct ivsh_platform *platform)
{
	platform->map = map_shifted;
	platform->unmap = unmap_shifted;
}

/* The system maps pages, and the offset in one is forgotten. */
static void *map_page(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	char *base = map(address, size, kind);

	(void)ctx;
	return base != NULL ? base - (uintptr_t)base % PAGE : NULL;
}

static void make_page(struct ivsh_platform *platform)
{
	platform->map = map_page;
}

static uint32_t maps_left;

/* The system's addresses for mappings are used up, as unmap gives none back. */
static void *map_leaks(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	return maps_left-- != 0 ? map(address, size, kind) : NULL;
}

static void make_map_leaks(struct ivsh_platform *platform)
{
	maps_left = 40;
	platform->map = map_leaks;
}

static void *map_null(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	return kind == IVSH_MAP_MEMORY ? NULL : map(address, size, kind);
}

static void make_map_null(struct ivsh_platform *platform)
{
	platform->map = map_null;
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static int open_elsewhere(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	int error = real->msi_open(real->ctx, function, index, address, data);

	(void)ctx;
	*address ^= PAGE;
	return error;
}

static void make_elsewhere(struct ivsh_platform *platform)
{
	platform->msi_open = open_elsewhere;
}

static int open_first(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	int error = real->msi_open(real->ctx, function, index, address, data);

	(void)ctx;
	if (index > 0)
		*address ^= PAGE;
	return error;
}

static void make_first(struct ivsh_platform *platform)
{
	platform->msi_open = open_first;
}

static uint32_t interrupts_left;

static int open_leaks(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx;
	if (interrupts_left == 0)
		return -1;
	interrupts_left--;
	return real->msi_open(real->ctx, function, index, address, data);
}

static void make_msi_leaks(struct ivsh_platform *platform)
{
	interrupts_left = 64;
	platform->msi_open = open_leaks;
}

static void make_half_msi(struct ivsh_platform *platform)
{
	platform->msi_close = NULL;
}

/* --- The list, and values --------------------------------------------------------------------- */

static uint32_t device(void)
{
	uint32_t function = 0;

	(void)(ivsh_device_find(real, 0, &function) != 0);
	return function;
}

static int list_disordered(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	*function = index == 0 ? device() : 0;
	return index < 2 ? 0 : -1;
}

static void make_disordered(struct ivsh_platform *platform)
{
	platform->list = list_disordered;
}

static int list_repeats(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	*function = device();
	return index < 2 ? 0 : -1;
}

static void make_repeats(struct ivsh_platform *platform)
{
	platform->list = list_repeats;
}

static int list_stale(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	*function = index == 0 ? device() : 0xfff8;
	return index < 2 ? 0 : -1;
}

static void make_stale(struct ivsh_platform *platform)
{
	platform->list = list_stale;
}

static uint64_t words[2];

static void make_misaligned(struct ivsh_platform *platform)
{
	platform->vm_generation = (const void *)((const char *)words + 4);
}

static void sleep_counts(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	words[0]++;
	real->sleep(real->ctx, seen, deadline_ns);
}

static void make_changes(struct ivsh_platform *platform)
{
	platform->sleep = sleep_counts;
	platform->vm_generation = &words[0];
}

static void make_no_eject(struct ivsh_platform *platform)
{
	static const struct ivsh_hotplug_controller none;

	platform->hotplug = &none;
}

static void make_no_sleep(struct ivsh_platform *platform)
{
	platform->sleep = NULL;
}

const struct wrong wrong_device[] = {
    {"config_write does nothing", make_dropped, "P1.3", NULL},
    {"config_write writes 16 bits", make_narrow, "P1.3", NULL},
    {"config_write swaps its halves", make_swapped, "P1.3", NULL},
    {"config_read reads 16 bits", make_read_narrow, "P1.2", NULL},
    {"config_read reads 8 bits", make_read_byte, "P1.2", NULL},
    {"configuration space without functions", make_ghost, "P1.1", NULL},
    {"absent functions read as 0", make_zero, "P1.1", NULL},
    {"memory is mapped uncached", make_uncached, "P2.6", ""},
    {"registers are mapped cached", make_cached, "P2.3", ""},
    {"memory is mapped 64 bytes too high", make_shifted, "P2.5", NULL},
    {"map forgets the offset in a page", make_page, "P2.2", NULL},
    {"unmap gives nothing back", make_map_leaks, "P2.7", NULL},
    {"map fails", make_map_null, "P2.5", NULL},
    {"the message goes elsewhere", make_elsewhere, "P3.2", NULL},
    {"only the first vector's message arrives", make_first, "P3.3", NULL},
    {"msi_close gives nothing back", make_msi_leaks, "P3.4", NULL},
    {"msi_open without msi_close", make_half_msi, "P3.1", NULL},
    {"the list is in no order", make_disordered, "P4.1", NULL},
    {"the list repeats a function", make_repeats, "P4.1", NULL},
    {"the list has what is gone", make_stale, "P4.2", NULL},
    {"the generation is not aligned", make_misaligned, "P5.1", NULL},
    {"the generation changes by itself", make_changes, "P5.1", NULL},
    {"a hot-plug controller without calls", make_no_eject, "P5.2", NULL},
    {"a call is missing", make_no_sleep, "D6.1", NULL},
    {NULL, NULL, NULL, NULL},
};

/* --- What ends the machine -------------------------------------------------------------------- */

/* The address itself, and nothing is mapped there. */
static void *map_not(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)size, (void)kind;
	return (void *)(uintptr_t)address;
}

static void unmap_not(void *ctx, void *base, uint64_t size)
{
	(void)ctx, (void)base, (void)size;
}

static void make_not(struct ivsh_platform *platform)
{
	platform->map = map_not;
	platform->unmap = unmap_not;
}

/* Half of the memory. */
static void *map_half(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	return map(address, kind == IVSH_MAP_MEMORY ? size / 2 : size, kind);
}

static void unmap_half(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	unmap(base, size > PAGE ? size / 2 : size);
}

static void make_map_half(struct ivsh_platform *platform)
{
	platform->map = map_half;
	platform->unmap = unmap_half;
}

/* The page, whoever else has mapped it. */
static void unmap_all(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	unmap(base, size);
	if (size < PAGE)
		unmap(base, size);
}

static void make_unmap_all(struct ivsh_platform *platform)
{
	platform->unmap = unmap_all;
}

/* Only a doorbell ends it. */
static void sleep_forever(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx, (void)deadline_ns;
	while (real->count(real->ctx) == seen)
		real->sleep(real->ctx, seen, real->now_ns(real->ctx) + 1000000000);
}

static void make_forever(struct ivsh_platform *platform)
{
	platform->sleep = sleep_forever;
}

const struct wrong wrong_fatal[] = {
    {"registers", make_not, "P2.1", NULL},
    {"memory", make_map_half, "P2.5", NULL},
    {"unmap", make_unmap_all, "P2.4", NULL},
    {"sleep", make_forever, "D3.3", NULL},
    {NULL, NULL, NULL, NULL},
};
