/* SPDX-License-Identifier: MIT */
/*
 * paging.c - every address maps to itself, or to nothing.
 *
 * Only the image, the heap, and what rv_map() was asked for are mapped: page 0, the guard pages
 * under the stacks and every other address raise a page fault. No page is both writable and
 * executable. An entry has no bits for a count of mappings, and two small BARs may share a page: so
 * pages that were mapped more than once are in a list. The last unmap removes the page, and tables
 * that become empty are used again.
 *
 * Tables come from a pool in the image until the heap is mapped, then from the heap's end. Sv48
 * where the processor has it, else Sv39, whose root is the first table below that of Sv48
 * (Privileged 4.4 and 4.5).
 */
#include "bare/riscv64/riscv.h"
#include "bare/virt/virt.h"

#define VALID (UINT64_C(1) << 0)
#define READ (UINT64_C(1) << 1)
#define WRITE (UINT64_C(1) << 2)
#define EXECUTE (UINT64_C(1) << 3)
#define RIGHTS (READ | WRITE | EXECUTE) /* an entry without any points to a table */
#define ACCESSED (UINT64_C(1) << 6)     /* set at once: a processor may leave that to software */
#define DIRTY (UINT64_C(1) << 7)
#define KEEP (UINT64_C(1) << 8)      /* for software: never unmapped */
#define REGISTERS (UINT64_C(1) << 9) /* for software: mapped as such */
#define NUMBER_SHIFT 10u             /* the number of the page or table */
#define NUMBER (((UINT64_C(1) << 44) - 1) << NUMBER_SHIFT)

#define PAGE 4096u
#define SHIFT_PAGE 12u
#define SHIFT_SV39 30u
#define SHIFT_SV48 39u

/* Four for the image, three for the devices of the first GiB, one for each end of RAM. */
#define POOL_TABLES 16u
#define SHARED_MAX 64u

static uint64_t pool[POOL_TABLES][512] __attribute__((__aligned__(PAGE)));
static uint32_t pool_used = 1; /* the first is Sv48's root */
static uint64_t *spare; /* a list of free tables; the first word of each points to the next */
static uint64_t *root = pool[0];
static uint32_t root_shift = SHIFT_SV48;

/* Pages that were mapped more than once: how often beyond the first time. */
static struct {
	uint64_t *entry; /* NULL: free */
	uint32_t more;
} shared[SHARED_MAX];

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static uint64_t entry_of(uint64_t address)
{
	return address >> SHIFT_PAGE << NUMBER_SHIFT;
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)((entry & NUMBER) >> NUMBER_SHIFT << SHIFT_PAGE);
}

/* An empty table, or NULL, which is reported once. */
static uint64_t *table_get(void)
{
	static bool reported;
	uint64_t *table = spare;

	if (table != NULL)
		spare = (uint64_t *)(uintptr_t)table[0];
	else if (pool_used < POOL_TABLES)
		table = pool[pool_used++];
	else
		table = virt_heap_page();
	if (table != NULL)
		__builtin_memset(table, 0, PAGE);
	else if (!reported)
		rv_print("paging: no memory left for page tables: QEMU's -m gives more\n");
	reported = reported || table == NULL;
	return table;
}

/* The list's link has bit 0 clear: no entry, in case the processor still walks the table. */
static void table_put(uint64_t *table)
{
	table[0] = address_of(spare);
	spare = table;
}

/* One more mapping of the page (entry). Where the list is full, the page stays for ever. */
static void share(uint64_t *entry)
{
	uint32_t free = SHARED_MAX;

	for (uint32_t i = 0; i < SHARED_MAX; i++) {
		if (shared[i].entry == entry) {
			shared[i].more++;
			return;
		}
		if (shared[i].entry == NULL)
			free = i;
	}
	if (free == SHARED_MAX) {
		*entry |= KEEP;
		return;
	}
	shared[free].entry = entry;
	shared[free].more = 1;
}

/* One mapping of the page (entry) less. */
static void unshare(uint64_t *entry)
{
	if (*entry & KEEP)
		return;
	for (uint32_t i = 0; i < SHARED_MAX; i++) {
		if (shared[i].entry != entry)
			continue;
		if (--shared[i].more == 0)
			shared[i].entry = NULL;
		return;
	}
	*entry = 0;
}

/*
 * Map one page at (address), the largest that fits in (size). Answers the bytes that are mapped, or
 * 0 if no table is left, or if a page of another kind or with other rights is there.
 */
static uint64_t map_page(uint64_t address, uint64_t size, uint64_t flags)
{
	uint64_t *table = root, *next;

	for (uint32_t shift = root_shift;; shift -= 9) {
		uint64_t *entry = &table[(address >> shift) & 511];
		uint64_t page = UINT64_C(1) << shift;

		if (*entry & RIGHTS) {
			if ((*entry ^ flags) & (RIGHTS | REGISTERS))
				return 0;
			share(entry);
			return page - (address & (page - 1));
		}
		if (*entry == 0 && !(address & (page - 1)) && size >= page) {
			*entry = entry_of(address) | flags | VALID | ACCESSED | DIRTY;
			return page;
		}
		if (*entry == 0) {
			next = table_get();
			if (next == NULL)
				return 0;
			*entry = entry_of(address_of(next)) | VALID;
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
		if (*entry & RIGHTS) {
			unshare(entry);
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
			unmap_in(root, root_shift, start, address);
			return false;
		}
		/* The last page may reach beyond the end. */
		if (done > end - address)
			break;
	}
	return true;
}

/* Entries have changed: also those that were not valid may be cached (Privileged 4.2.1). */
static void flush(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	if (!map_range(address_of(start), address_of(end), flags | KEEP))
		rv_fatal("paging: the image does not fit");
}

/* A mode that the processor does not have leaves the register as it was (Privileged 4.1.11). */
static bool turn_on(uint64_t mode)
{
	uint64_t satp = mode << 60 | address_of(root) >> SHIFT_PAGE;

	flush();
	rv_write(satp, satp);
	flush();
	return rv_read(satp) == satp;
}

void rv_paging_init(void)
{
	map_image(image_text, image_text_end, READ | EXECUTE);
	map_image(image_rodata, image_rodata_end, READ);
	map_image(image_data, image_data_end, READ | WRITE);
	map_image(image_trap_stack, image_trap_stack_end, READ | WRITE);
	map_image(image_stack, image_stack_end, READ | WRITE);
	map_image(image_kept, image_kept_end, READ | WRITE);
	if (turn_on(RV_SATP_SV48))
		return;
	root = table_of(root[0]);
	root_shift = SHIFT_SV39;
	if (!turn_on(RV_SATP_SV39))
		rv_fatal("paging: this processor has neither Sv48 nor Sv39");
}

static uint64_t page_start(uint64_t address)
{
	return address & ~(uint64_t)(PAGE - 1);
}

void *rv_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	/* Half of what the tables reach: the upper half would need sign extension. */
	uint64_t limit = UINT64_C(1) << (root_shift + 8);
	uint64_t flags = READ | WRITE | (kind == IVSH_MAP_REGISTERS ? REGISTERS : 0);
	bool done;

	if (address < PAGE || size == 0 || address >= limit || size > limit - address)
		return NULL;
	done = map_range(page_start(address), page_start(address + size + PAGE - 1), flags);
	/* Also after a failure, as entries may have changed. */
	flush();
	return done ? (void *)(uintptr_t)address : NULL;
}

void rv_unmap(const void *base, uint64_t size)
{
	uint64_t address = address_of(base);

	unmap_in(root, root_shift, page_start(address), page_start(address + size + PAGE - 1));
	flush();
}
