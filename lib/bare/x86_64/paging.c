/* SPDX-License-Identifier: MIT */
/*
 * paging.c - every address maps to itself, or to nothing.
 *
 * Nothing is mapped but the image, the heap, and what somebody asked for with x86_map(): page 0, the
 * guards under the stacks and every other wild address raise a page fault. No page is both writable
 * and executable. Mappings are never undone: two small BARs may share a page.
 *
 * Tables come from a pool in the image, big enough for 64 GiB in 2 MiB pages and for 4 GiB
 * of RAM; processors with 1 GiB pages need next to none of it. SDM 4.5.
 */
#include "x86.h"

#define PRESENT (UINT64_C(1) << 0)
#define WRITE (UINT64_C(1) << 1)
#define UNCACHED (UINT64_C(3) << 3) /* PCD and PWT: entry 3 of the PAT, UC at reset (SDM 11.12.4) */
#define ACCESSED (UINT64_C(1) << 5)
#define DIRTY (UINT64_C(1) << 6)
#define LARGE (UINT64_C(1) << 7)
#define KEEP (UINT64_C(1) << 9) /* ours, ignored by the processor: the image, never to change */
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
 * 64 directories for a 64 GiB BAR, 4 for RAM, 4 for devices below 4 GiB, 4 upper tables, and 20
 * for what is not a multiple of 2 MiB.
 */
#define POOL_TABLES 96u

static uint64_t pool[POOL_TABLES][512] __attribute__((aligned(PAGE)));
static uint32_t pool_used = 1; /* the first is the root */
static uint32_t largest = SHIFT_2M;
static uint32_t address_bits = 36;

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/*
 * Map one page at (address), the largest that fits in (size). Answers how many bytes that took; 0
 * when there is no table left, or when something else is there that mustn't change.
 */
static uint64_t map_page(uint64_t address, uint64_t size, uint64_t flags)
{
	uint64_t *table = pool[0];

	for (uint32_t shift = SHIFT_ROOT;; shift -= 9) {
		uint64_t *entry = &table[(address >> shift) & 511];
		uint64_t page = UINT64_C(1) << shift;
		bool is_page = *entry & PRESENT && (*entry & LARGE || shift == SHIFT_PAGE);
		bool is_table = *entry & PRESENT && !is_page;

		if (is_page && !((*entry ^ flags) & (WRITE | UNCACHED | NO_EXECUTE)))
			return page - (address & (page - 1));
		if (is_page && *entry & KEEP)
			return 0;
		if (shift <= largest && !(address & (page - 1)) && size >= page && !is_table) {
			*entry = address | flags | PRESENT | (shift == SHIFT_PAGE ? 0 : LARGE);
			return page;
		}
		if (is_page)
			return 0;
		if (!is_table) {
			if (pool_used == POOL_TABLES)
				return 0;
			*entry = address_of(pool[pool_used++]) | PRESENT | WRITE;
		}
		table = (uint64_t *)(uintptr_t)(*entry & ADDRESS);
	}
}

static bool map_range(uint64_t address, uint64_t end, uint64_t flags)
{
	while (address < end) {
		uint64_t done = map_page(address, end - address, flags);

		if (done == 0)
			return false;
		/* The last page may reach beyond the end. */
		if (done > end - address)
			break;
		address += done;
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
	use_tables();
}

uint32_t x86_address_bits(void)
{
	return address_bits;
}

void *x86_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	uint64_t limit = UINT64_C(1) << address_bits;
	uint64_t flags = WRITE | NO_EXECUTE | (kind == IVSH_MAP_MEMORY ? 0 : UNCACHED);
	bool done;

	if (address == 0 || size == 0 || address >= limit || size > limit - address)
		return NULL;
	done = map_range(address & ~(uint64_t)(PAGE - 1),
	    (address + size + PAGE - 1) & ~(uint64_t)(PAGE - 1), flags);
	/* Also after a failure: a part may have changed. */
	use_tables();
	return done ? (void *)(uintptr_t)address : NULL;
}

void x86_unmap_page_0(void)
{
	uint64_t *table = pool[0];

	for (uint32_t shift = SHIFT_ROOT; shift >= SHIFT_PAGE; shift -= 9) {
		if (shift == SHIFT_PAGE)
			table[0] = 0;
		if (!(table[0] & PRESENT) || table[0] & LARGE)
			break;
		table = (uint64_t *)(uintptr_t)(table[0] & ADDRESS);
	}
	use_tables();
}
