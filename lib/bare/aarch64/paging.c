/* SPDX-License-Identifier: MIT */
/*
 * paging.c - every address maps to itself, or to nothing.
 *
 * Only the image, the heap, and what virt_map() was asked for are mapped: page 0, the guard pages
 * under the stacks and every other address raise a data abort. No page is both writable and
 * executable. Memory is Normal, write-back, inner shareable; registers are Device-nGnRE. Two small
 * BARs may share a page, so each page counts its mappings; the last unmap removes it, and tables
 * that become empty are used again.
 *
 * Pages of 4 KiB and 48-bit addresses, by TTBR0_EL1 alone; a page at the second and third level is
 * a block of 1 GiB and 2 MiB. Tables come from a pool in the image until the heap is mapped, then
 * from the heap's end. ARM D8.2 and D8.3.
 */
#include "bare/aarch64/a64.h"
#include "bare/virt/virt.h"

#include <stddef.h>

#define VALID (UINT64_C(1) << 0)
#define TABLE (UINT64_C(1) << 1) /* at the last level: a page */
#define DEVICE (UINT64_C(0) << 2)
#define NORMAL (UINT64_C(1) << 2) /* AttrIndx: 0 and 1 in MAIR, below */
#define READ_ONLY (UINT64_C(1) << 7)
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
#define NO_EXECUTE (UINT64_C(3) << 53) /* PXN and UXN */
#define KEEP (UINT64_C(1) << 55)       /* for software: the image, which is never unmapped */
#define COUNT_ONE (UINT64_C(1) << 56)  /* bits 62:56: mappings of the page; ignored by hardware */
#define COUNT (COUNT_ONE * 127)        /* at the maximum the page stays mapped */
#define ADDRESS UINT64_C(0x0000fffffffff000)
#define RIGHTS (NORMAL | READ_ONLY | NO_EXECUTE)

#define PAGE 4096u
#define SHIFT_PAGE 12u
#define SHIFT_1G 30u
#define SHIFT_ROOT 39u

#define BITS_MAX 48u

#define MAIR UINT64_C(0xff04) /* 0: Device-nGnRE; 1: write-back, both caches (ARM D17.2.97) */

/*
 * T0SZ and T1SZ for 48 bits; the tables are Normal, write-back, inner shareable; pages of 4 KiB;
 * no walks by TTBR1 (ARM D17.2.131).
 */
#define TCR (UINT64_C(16) | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 23 | UINT64_C(2) << 30)
#define TCR_IPS_SHIFT 32u

/* SCTLR_EL1 (ARM D17.2.118): MMU, caches, the stack's alignment, no execution of what is writable;
 * the others are RES1. */
#define SCTLR (UINT64_C(0x30d00800) | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19)

/* The image needs four, the console two; the others are for the tree and the start of the heap. */
#define POOL_TABLES 16u

static uint64_t pool[POOL_TABLES][512] __attribute__((__aligned__(PAGE)));
static uint32_t pool_used = 1; /* the first is the root */
static uint64_t *spare; /* a list of free tables; the first word of each points to the next */
static uint32_t address_bits;

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static uint64_t page_start(uint64_t address)
{
	return address & ~(uint64_t)(PAGE - 1);
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
		table = virt_heap_page();
	/* volatile: newlib's memset() must not run before the MMU is on. */
	for (uint32_t i = 0; table != NULL && i < 512; i++)
		((volatile uint64_t *)table)[i] = 0;
	if (table == NULL && !reported)
		a64_print("paging: no memory left for page tables: QEMU's -m gives more\n");
	reported = reported || table == NULL;
	return table;
}

/* Its content points to no valid page, in case the processor still walks it. */
static void table_put(uint64_t *table)
{
	table[0] = address_of(spare);
	spare = table;
}

static bool is_page(uint64_t entry, uint32_t shift)
{
	return entry & VALID && (!(entry & TABLE) || shift == SHIFT_PAGE);
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
			if ((*entry ^ flags) & RIGHTS)
				return 0;
			if ((*entry & COUNT) != COUNT)
				*entry += COUNT_ONE;
			return page - (address & (page - 1));
		}
		if (shift <= SHIFT_1G && !(address & (page - 1)) && size >= page && *entry == 0) {
			*entry = address | flags | VALID | ACCESSED | INNER_SHAREABLE | COUNT_ONE |
				 (shift == SHIFT_PAGE ? TABLE : 0);
			return page;
		}
		if (*entry == 0) {
			next = table_get();
			if (next == NULL)
				return 0;
			/* The walker must not see the table before it is empty. */
			__asm__ volatile("dmb ishst" : : : "memory");
			*entry = address_of(next) | VALID | TABLE;
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

/* The processor forgets what it has read of the tables, and reads what was written (ARM D8.14). */
static void use_tables(void)
{
	__asm__ volatile("dsb ishst; tlbi vmalle1; dsb ish; isb" : : : "memory");
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	if (!map_range(address_of(start), address_of(end), flags | NORMAL | KEEP))
		a64_fatal("paging: the image does not fit");
}

/* The tables and all that was written without the caches are in RAM; no cache has them. */
static void mmu_on(void)
{
	uint64_t range = A64_READ("id_aa64mmfr0_el1") & 15;

	if (range > 5) /* 52 bits, which pages of 4 KiB do not reach */
		range = 5;
	A64_WRITE("mair_el1", MAIR);
	A64_WRITE("tcr_el1", TCR | range << TCR_IPS_SHIFT);
	A64_WRITE("ttbr0_el1", address_of(pool[0]));
	a64_isb();
	a64_clean(image_data, image_end);
	use_tables();
	__asm__ volatile("ic iallu; dsb nsh; isb" : : : "memory");
	A64_WRITE("sctlr_el1", SCTLR);
	a64_isb();
}

void a64_paging_init(uint64_t console)
{
	/* ID_AA64MMFR0_EL1.PARange (ARM D17.2.64) */
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
	uint64_t range = A64_READ("id_aa64mmfr0_el1") & 15;

	address_bits = range < sizeof(bits) ? bits[range] : BITS_MAX;
	map_image(image_text, image_text_end, READ_ONLY);
	map_image(image_rodata, image_rodata_end, READ_ONLY | NO_EXECUTE);
	map_image(image_data, image_data_end, NO_EXECUTE);
	map_image(image_trap_stack, image_trap_stack_end, NO_EXECUTE);
	map_image(image_stack, image_stack_end, NO_EXECUTE);
	map_image(image_kept, image_kept_end, NO_EXECUTE);
	if (console != 0)
		map_range(
		    page_start(console), page_start(console) + PAGE, DEVICE | NO_EXECUTE | KEEP);
	mmu_on();
}

void *virt_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	uint64_t limit = UINT64_C(1) << address_bits;
	uint64_t flags = NO_EXECUTE | (kind == IVSH_MAP_MEMORY ? NORMAL : DEVICE);
	bool done;

	if (address < PAGE || size == 0 || address >= limit || size > limit - address)
		return NULL;
	done = map_range(page_start(address), page_start(address + size + PAGE - 1), flags);
	/* Also after a failure, as entries may have changed. */
	use_tables();
	return done ? (void *)(uintptr_t)address : NULL;
}

void virt_unmap(const void *base, uint64_t size)
{
	uint64_t address = address_of(base);

	unmap_in(pool[0], SHIFT_ROOT, page_start(address), page_start(address + size + PAGE - 1));
	use_tables();
}
