/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - cases of bare_test.elf: map and unmap of the bare-metal platform.
 */
#include "bare/arch.h"
#include "tests/guest/bare.h"
#include "tests/lib/test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static volatile uint8_t *map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	return arch_platform()->map(arch_platform()->ctx, address, size, kind);
}

static void unmap(volatile uint8_t *at, uint64_t size)
{
	NEED_EQ(arch_platform()->unmap != NULL, 1);
	arch_platform()->unmap(arch_platform()->ctx, (void *)(uintptr_t)at, size);
}

/* Nothing need be there: the mapping itself is probed at, and what must be refused. */
void test_map(void)
{
	static const struct {
		const char *name;
		uint64_t address, size;
		bool maps;
	} rows[] = {
	    {"256 bytes, below 4 GiB", BARE_FREE + 0x401100, 256, true},
	    {"1 MiB, not on 2 MiB", BARE_FREE + 0x100000, 1 << 20, true},
	    {"64 GiB at 64 GiB", UINT64_C(1) << 36, UINT64_C(1) << 36, true},
	    {"64 GiB again", UINT64_C(1) << 36, UINT64_C(1) << 36, true},
	    {"4 GiB at 512 GiB", UINT64_C(1) << 39, UINT64_C(1) << 32, true},
	    {"256 GiB at 768 GiB", UINT64_C(3) << 38, UINT64_C(1) << 38, true},
	    {"nothing", BARE_FREE, 0, false},
	    {"page 0", 0, 4096, false},
	    {"beyond the processor", UINT64_C(1) << 62, 4096, false},
	    {"around the end", UINT64_MAX - 4095, 8192, false},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum ivsh_map kind = rows[i].size < 4096 ? IVSH_MAP_REGISTERS : IVSH_MAP_MEMORY;
		volatile uint8_t *at = map(rows[i].address, rows[i].size, kind);

		test_row(rows[i].name);
		CHECK_EQ(at != NULL, rows[i].maps);
		if (at == NULL)
			continue;
		CHECK_EQ((uintptr_t)at, rows[i].address);
		CHECK(bare_is_mapped(at, kind));
		CHECK(bare_is_mapped(at + rows[i].size - 1, kind));
		unmap(at, rows[i].size);
	}
	test_row("the image's code");
	CHECK(map((uint64_t)(uintptr_t)test_map, 16, IVSH_MAP_MEMORY) == NULL);
}

/* Mapping and unmapping, each time at another address, takes memory for page tables once. */
void test_map_rounds(void)
{
	uint64_t size = UINT64_C(1) << 30, address = UINT64_C(1) << 39;
	char *start, *end, *before = NULL;

	for (unsigned round = 0; round < 300; round++, address += size) {
		/* Ends that share 2 MiB with nothing, so that there are small pages too. */
		volatile uint8_t *at = map(address - 4096, size, IVSH_MAP_MEMORY);

		NEED_EQ(at != NULL, 1);
		unmap(at, size);
		arch_heap(&start, &end);
		if (round == 1)
			before = end;
	}
	CHECK(before == end);
}

/* Two mappings of one page: it stays mapped until both are unmapped. */
void test_map_shared(void)
{
	uint64_t address = BARE_FREE + 0x400000;
	volatile uint8_t *a = map(address, 256, IVSH_MAP_REGISTERS);
	volatile uint8_t *b = map(address + 256, 256, IVSH_MAP_REGISTERS);

	NEED_EQ(a != NULL && b != NULL, 1);
	CHECK(map(address, 256, IVSH_MAP_MEMORY) == NULL);
	unmap(a, 256);
	CHECK(bare_is_mapped(b, IVSH_MAP_REGISTERS));
	unmap(b, 256);
	a = map(address, 256, IVSH_MAP_MEMORY);
	CHECK(a != NULL);
	unmap(a, 256);
}

/* Take all of the heap. Answers how much that is. */
static ptrdiff_t take_heap(void)
{
	ptrdiff_t taken = 0;

	for (ptrdiff_t step = 1 << 30; step >= 4096; step /= 2)
		while (arch_heap_grow(step) != NULL)
			taken += step;
	return taken;
}

/* The program takes all of the heap: map fails. It gives the heap back: map succeeds. */
void test_map_no_memory(void)
{
	/* It needs 512 tables of small pages: more than were used so far. */
	uint64_t size = UINT64_C(1) << 39;
	ptrdiff_t taken = take_heap();
	volatile uint8_t *at;

	at = map(size, size, IVSH_MAP_MEMORY);
	CHECK_EQ(at != NULL, bare_has_pages_of_1_gib());
	if (at != NULL)
		unmap(at, size);
	NEED_EQ(arch_heap_grow(-taken) != NULL, 1);
	at = map(size, size, IVSH_MAP_MEMORY);
	NEED_EQ(at != NULL, 1);
	unmap(at, size);
}

/* The same with pages of 4 KiB, each of which needs a table of its own. */
void test_map_no_memory_for_pages(void)
{
	uint64_t base = UINT64_C(1) << 37, step = 2 << 20;
	ptrdiff_t taken = take_heap();
	unsigned pages = 0;

	while (pages < 4096 && map(base + pages * step, 4096, IVSH_MAP_MEMORY) != NULL)
		pages++;
	CHECK(pages < 4096);
	NEED_EQ(arch_heap_grow(-taken) != NULL, 1);
	CHECK(map(base + pages * step, 4096, IVSH_MAP_MEMORY) != NULL);
	for (unsigned i = 0; i <= pages; i++)
		unmap((volatile uint8_t *)(uintptr_t)(base + i * step), 4096);
}
