/* SPDX-License-Identifier: MIT */
/*
 * paging.c - every address maps to itself, or to nothing.
 *
 * Only the image, the heap, and what x86_map() was asked for are mapped: page 0, the guard pages
 * under the stacks and every other address raise a page fault. No page is both
 * writable and executable. Two small BARs may share a page, so each page counts its mappings; the
 * last unmap removes it, and tables that become empty are used again.
 *
 * Tables come from a pool in the image until the heap is mapped, then from the heap's end: a
 * processor without 1 GiB pages needs 4 KiB of them for each GiB. SDM 4.5.
 */
#include "bare/heap.h"
#include "bare/x86_64/x86.h"

#define PRESENT (UINT64_C(1) << 0)
#define WRITE (UINT64_C(1) << 1)
#define UNCACHED (UINT64_C(3) << 3) /* PCD and PWT: entry 3 of the PAT, UC at reset (SDM 11.12.4) */
#define ACCESSED (UINT64_C(1) << 5)
#define DIRTY (UINT64_C(1) << 6)
#define LARGE (UINT64_C(1) << 7)
#define KEEP (UINT64_C(1) << 9)       /* for software: the image, which is never unmapped */
#define COUNT_ONE (UINT64_C(1) << 52) /* bits 58:52 are for software: mappings of the page */
#define COUNT (COUNT_ONE * 127)       /* at the maximum the page stays mapped */
#define NO_EXECUTE (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000ffffffffff000)

#define PAGE 4096u
#define SHIFT_PAGE 12u
#define SHIFT_2M 21u
#define SHIFT_1G 30u
#define SHIFT_ROOT 39u

/* Half of what 48-bit virtual addresses reach: the upper half would need sign extension. */
#define BITS_MAX 47u

/*
 * Four for the image, four for 4 GiB of RAM, four for the loader's data, and as many again in
 * reserve.
 */
#define POOL_TABLES 24u

static uint64_t pool[POOL_TABLES][512] __attribute__((__aligned__(PAGE)));
static uint32_t pool_used = 1; /* the first is the root */
static uint64_t *spare; /* a list of free tables; the first word of each points to the next */
static uint32_t largest = SHIFT_2M;
static uint32_t address_bits = 36;

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(entry & ADDRESS);
}

/* An empty table, or NULL, which is reported once. */
static uint64_t *table_get(void)
{
	static bool reported;
	uint64_t *table = spare;

	if (table != NULL)
		spare = table_of(table[0]);
	else if (pool_used < POOL_TABLES)
		table = pool[pool_used++];
	else
		table = bare_heap_page();
	if (table != NULL)
		__builtin_memset(table, 0, PAGE);
	else if (!reported)
		x86_print("paging: no memory left for page tables: QEMU's -m gives more\n");
	reported = reported || table == NULL;
	return table;
}

/* Its content points to no present page, in case the processor still walks it. */
static void table_put(uint64_t *table)
{
	table[0] = address_of(spare);
	spare = table;
}

static bool is_page(uint64_t entry, uint32_t shift)
{
	return entry & PRESENT && (entry & LARGE || shift == SHIFT_PAGE);
}

/*
 * Map one page at (address), the largest that fits in (size). Answers the bytes that are mapped, or
 * 0 if no table is left, or if a page with other attributes is there.
 */
static uint64_t map_page(uint64_t address, uint64_t size, uint64_t flags)
{
	uint64_t *table = pool[0], *next;

	for (uint32_t shift = SHIFT_ROOT;; shift -= 9) {
		uint64_t *entry = &table[(address >> shift) & 511];
		uint64_t page = UINT64_C(1) << shift;

		if (is_page(*entry, shift)) {
			if ((*entry ^ flags) & (WRITE | UNCACHED | NO_EXECUTE))
				return 0;
			if ((*entry & COUNT) != COUNT)
				*entry += COUNT_ONE;
			return page - (address & (page - 1));
		}
		if (shift <= largest && !(address & (page - 1)) && size >= page && *entry == 0) {
			*entry = address | flags | PRESENT | COUNT_ONE |
				 (shift == SHIFT_PAGE ? 0 : LARGE);
			return page;
		}
		if (*entry == 0) {
			next = table_get();
			if (next == NULL)
				return 0;
			*entry = address_of(next) | PRESENT | WRITE;
		}
		table = table_of(*entry);
	}
}

/*
 * Unmap [address, end) in (table), whose entries stand for 1 << (shift) bytes each. Answers whether
 * the table is empty now. Calls itself for the tables below, at most four deep.
 */
static bool unmap_in(uint64_t *table, uint32_t shift, uint64_t address, uint64_t end)
{
	uint64_t page = UINT64_C(1) << shift, next;

	for (; address < end; address = next) {
		uint64_t *entry = &table[(address >> shift) & 511];

		next = (address | (page - 1)) + 1;
		if (is_page(*entry, shift)) {
			if (*entry & KEEP || (*entry & COUNT) == COUNT)
				continue;
			*entry -= COUNT_ONE;
			if ((*entry & COUNT) == 0)
				*entry = 0;
		} else if (*entry != 0 && unmap_in(table_of(*entry), shift - 9, address,
					      next < end ? next : end)) {
			table_put(table_of(*entry));
			*entry = 0;
		}
	}
	for (uint32_t i = 0; i < 512; i++)
		if (table[i] != 0)
			return false;
	return true;
}

/* Map all of it or nothing; an upper table may remain, empty. */
static bool map_range(uint64_t start, uint64_t end, uint64_t flags)
{
	uint64_t done;

	for (uint64_t address = start; address < end; address += done) {
		done = map_page(address, end - address, flags);
		if (done == 0) {
			unmap_in(pool[0], SHIFT_ROOT, start, address);
			return false;
		}
		/* The last page may reach beyond the end. */
		if (done > end - address)
			break;
	}
	return true;
}

static void use_tables(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(address_of(pool[0])) : "memory");
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	if (!map_range(address_of(start), address_of(end), flags | KEEP))
		x86_fatal("paging: the image does not fit");
}

void x86_paging_init(void)
{
	uint32_t extended = x86_cpuid(0x80000000).eax;

	if (x86_cpuid(0x80000001).edx & (1u << 26)) /* Page1GB (SDM volume 2, CPUID) */
		largest = SHIFT_1G;
	if (extended >= 0x80000008)
		address_bits = x86_cpuid(0x80000008).eax & 0xff;
	if (address_bits > BITS_MAX)
		address_bits = BITS_MAX;

	map_image(image_text, image_text_end, 0);
	map_image(image_rodata, image_rodata_end, NO_EXECUTE);
	map_image(image_data, image_data_end, WRITE | NO_EXECUTE);
	map_image(image_trap_stack, image_trap_stack_end, WRITE | NO_EXECUTE);
	map_image(image_stack, image_stack_end, WRITE | NO_EXECUTE);
	map_image(image_kept, image_kept_end, WRITE | NO_EXECUTE);
	use_tables();
}

uint32_t x86_address_bits(void)
{
	return address_bits;
}

static uint64_t page_start(uint64_t address)
{
	return address & ~(uint64_t)(PAGE - 1);
}

void *x86_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	uint64_t limit = UINT64_C(1) << address_bits;
	uint64_t flags = WRITE | NO_EXECUTE | (kind == IVSH_MAP_MEMORY ? 0 : UNCACHED);
	bool done;

	if (address == 0 || size == 0 || address >= limit || size > limit - address)
		return NULL;
	done = map_range(page_start(address), page_start(address + size + PAGE - 1), flags);
	/* Also after a failure, as entries may have changed. */
	use_tables();
	return done ? (void *)(uintptr_t)address : NULL;
}

void x86_unmap(const void *base, uint64_t size)
{
	uint64_t address = address_of(base);

	unmap_in(pool[0], SHIFT_ROOT, page_start(address), page_start(address + size + PAGE - 1));
	use_tables();
}

void x86_unmap_page_0(void)
{
	uint64_t *table = pool[0];

	for (uint32_t shift = SHIFT_ROOT; shift >= SHIFT_PAGE; shift -= 9) {
		if (shift == SHIFT_PAGE)
			table[0] = 0;
		if (!(table[0] & PRESENT) || table[0] & LARGE)
			break;
		table = table_of(table[0]);
	}
	use_tables();
}
