/* SPDX-License-Identifier: MIT */
/*
 * fake_platform.c - a PCI bus in memory, and a struct ivsh_platform for it.
 */
#include "tests/device/fake_platform.h"

#include <limits.h>
#include <string.h>

/* Words of configuration space, by their number: offset / 4. */
enum {
	ID,
	COMMAND,
	CLASS,
	HEADER,
	BAR,
	BUSES = 6,
	MEMORY = 8,
	PREFETCH,
	BASE_HIGH,
	LIMIT_HIGH,
	ROM,
	LIST,
	MSIX = 16
};

#define STATUS_STICKY 0x20000000u /* received master abort: a one written clears it */

/* --- Configuration cycles --------------------------------------------------------------------- */

static bool is_bridge(const struct fake_function *function)
{
	return (function->config[HEADER] >> 16 & 0x7f) == 1;
}

/* The root bus with the highest number that is not above (number). */
static int root_of(const struct fake_bus *bus, uint32_t number)
{
	int root = FAKE_ROOT;

	for (int i = 0; i < bus->count; i++)
		if (bus->function[i].parent < root &&
		    bus->function[i].parent >= FAKE_ROOT_BUS((int)number))
			root = bus->function[i].parent;
	return root;
}

#define NOWHERE INT_MIN

/* The parent of the functions on bus (number); NOWHERE: no bridge leads there. */
static int route(const struct fake_bus *bus, uint32_t number)
{
	int at = root_of(bus, number);

	if (at == FAKE_ROOT_BUS((int)number))
		return at;
	for (int hops = 0; hops < bus->count; hops++) {
		int next = NOWHERE;

		for (int i = 0; i < bus->count && next == NOWHERE; i++) {
			uint32_t buses = bus->function[i].config[BUSES];

			if (bus->function[i].parent == at && is_bridge(&bus->function[i]) &&
			    (buses >> 8 & 0xff) <= number && (buses >> 16 & 0xff) >= number)
				next = i;
		}
		if (next == NOWHERE)
			return NOWHERE;
		at = next;
		if ((bus->function[at].config[BUSES] >> 8 & 0xff) == number)
			return at;
	}
	return NOWHERE;
}

/* Most reads are of numbers that no function on any bus has: these are not routed, to save time. */
static struct fake_function *find(struct fake_bus *bus, uint32_t function)
{
	int parent = NOWHERE;
	bool routed = false;

	for (int i = 0; i < bus->count; i++) {
		if (bus->function[i].devfn != (function & 0xff))
			continue;
		if (!routed)
			parent = route(bus, IVSH_PCI_BUS(function));
		routed = true;
		if (bus->function[i].parent == parent)
			return &bus->function[i];
	}
	return NULL;
}

static void log_add(struct fake_bus *bus, uint32_t what)
{
	if (bus->log_count < 16)
		bus->log[bus->log_count++] = what;
}

static bool usable(struct fake_bus *bus, uint32_t function, uint32_t offset)
{
	if (function > 0xffff || offset % 4 != 0 || offset >= 4096) {
		bus->faults++;
		return false;
	}
	return offset < 256;
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	struct fake_bus *bus = ctx;
	struct fake_function *at;

	bus->reads++;
	if (!usable(bus, function, offset))
		return 0xffffffff;
	at = find(bus, function);
	return at ? at->config[offset / 4] : 0xffffffff;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct fake_bus *bus = ctx;
	struct fake_function *at;
	uint32_t word = offset / 4, next;

	bus->writes++;
	if (!usable(bus, function, offset))
		return;
	at = find(bus, function);
	if (!at)
		return;
	next = (at->config[word] & ~at->writable[word]) | (value & at->writable[word]);
	if (word == COMMAND && (value & STATUS_STICKY) != 0)
		bus->faults++;
	if (word >= BAR && word < BAR + (is_bridge(at) ? 2 : 6) && (at->config[COMMAND] & 2) != 0 &&
	    next != at->config[word])
		bus->faults++;
	if (word == ROM && !is_bridge(at) && (at->config[COMMAND] & 2) != 0 &&
	    next != at->config[word])
		bus->faults++;
	if (is_bridge(at) && word >= MEMORY && word <= LIMIT_HIGH && (at->config[COMMAND] & 2) != 0)
		bus->faults++;
	if (at->forgets && word >= BAR && word < BAR + 6 && value != 0xffffffff)
		next &= ~at->writable[word];
	if (word == COMMAND && next != at->config[word])
		log_add(bus, FAKE_LOG_COMMAND | (next & 6));
	if (word == MSIX && bus->table_size != 0)
		log_add(bus, FAKE_LOG_MSIX | next >> 30);
	at->config[word] = next;
	if (word == MSIX && bus->table_size != 0 && bus->msix_writes < 16) {
		bus->msix[bus->msix_writes].control = next >> 30;
		bus->msix[bus->msix_writes++].unmasked =
		    fake_unmasked(bus, (int)(at - bus->function));
	}
}

/* --- Memory cycles ---------------------------------------------------------------------------- */

uint64_t fake_bar_get(const struct fake_bus *bus, int index, uint32_t bar)
{
	const uint32_t *word = &bus->function[index].config[BAR + bar];
	uint64_t address = word[0] & ~0xfu;

	if ((word[0] & FAKE_BAR_64) != 0 && (word[0] & FAKE_BAR_IO) == 0 && bar < 5)
		address |= (uint64_t)word[1] << 32;
	return address;
}

uint64_t fake_bar_size(const struct fake_bus *bus, int index, uint32_t bar)
{
	const struct fake_function *at = &bus->function[index];
	uint64_t mask = at->writable[BAR + bar];

	if (bar >= (is_bridge(at) ? 2u : 6u) || (at->config[BAR + bar] & FAKE_BAR_IO) != 0)
		return 0;
	if ((at->config[BAR + bar] & FAKE_BAR_64) != 0 && bar < 5)
		mask |= (uint64_t)at->writable[BAR + bar + 1] << 32;
	else if (mask != 0)
		mask |= UINT64_C(0xffffffff) << 32;
	return 0 - mask;
}

static bool passes(const uint32_t *config, uint64_t address, uint64_t size)
{
	uint64_t low = (config[MEMORY] & 0xfff0) << 16;
	uint64_t low_last = (config[MEMORY] & 0xfff00000) | 0xfffff;
	uint64_t high = (config[PREFETCH] & 0xfff0) << 16 | (uint64_t)config[BASE_HIGH] << 32;
	uint64_t high_last =
	    (config[PREFETCH] & 0xfff00000) | 0xfffff | (uint64_t)config[LIMIT_HIGH] << 32;
	uint64_t last = address + size - 1;

	return (config[COMMAND] & 2) != 0 &&
	       ((low <= address && last <= low_last) ||
		   ((config[PREFETCH] & 1) != 0 && high <= address && last <= high_last));
}

bool fake_window(
    const struct fake_bus *bus, int bridge, unsigned which, uint64_t *start, uint64_t *end)
{
	const uint32_t *config = bus->function[bridge].config;
	uint32_t word = config[which == 0 ? MEMORY : PREFETCH];

	*start = (word & 0xfff0) << 16;
	*end = (word & 0xfff00000) | 0xfffff;
	if (which != 0 && (word & 1) != 0) {
		*start |= (uint64_t)config[BASE_HIGH] << 32;
		*end |= (uint64_t)config[LIMIT_HIGH] << 32;
	}
	*end += 1;
	return *start != 0 && *start < *end;
}

bool fake_reaches(const struct fake_bus *bus, int index, uint64_t address, uint64_t size)
{
	for (int i = bus->function[index].parent; i >= 0; i = bus->function[i].parent)
		if (!passes(bus->function[i].config, address, size))
			return false;
	return true;
}

/* Any other map is of the MSI-X table: a mapping into the BAR of function (index) that has it. */
static void *map_table(
    struct fake_bus *bus, int index, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	for (uint32_t bar = 0; bar < 6; bar++) {
		uint64_t start = fake_bar_get(bus, index, bar);
		uint64_t bytes = fake_bar_size(bus, index, bar);

		if (bytes == 0 || start > address || address - start >= bytes)
			continue;
		if (bus->no_table || kind != IVSH_MAP_REGISTERS || address % 256 != 0 ||
		    size % 256 != 0 || size == 0 || size > bytes - (address - start) ||
		    address - start + size > sizeof(bus->table))
			return NULL;
		bus->maps++;
		bus->table_size = size;
		return (uint8_t *)bus->table + (address - start) + (bus->misaligned ? 8 : 0);
	}
	return NULL;
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	struct fake_bus *bus = ctx;

	for (int i = 0; i < bus->count; i++) {
		bool registers = fake_bar_get(bus, i, 0) == address;

		if (is_bridge(&bus->function[i]) || (bus->function[i].config[COMMAND] & 2) == 0 ||
		    !fake_reaches(bus, i, address, size))
			continue;
		if (!registers && fake_bar_get(bus, i, 2) != address) {
			void *table = map_table(bus, i, address, size, kind);

			if (table)
				return table;
			continue;
		}
		if (registers ? bus->no_registers : bus->no_memory)
			return NULL;
		bus->maps++;
		bus->kind[registers ? 0 : 1] = kind;
		if (!registers && bus->memory_of[i])
			return bus->memory_of[i];
		return (registers ? (uint8_t *)bus->registers : bus->memory) +
		       (bus->misaligned ? 2 : 0);
	}
	return NULL;
}

static void unmap(void *ctx, void *base, uint64_t size)
{
	struct fake_bus *bus = ctx;

	if ((uint8_t *)base >= (uint8_t *)bus->table &&
	    (uint8_t *)base < (uint8_t *)bus->table + sizeof(bus->table)) {
		bus->faults += size != bus->table_size;
		bus->table_size = 0;
	}
	bus->maps--;
	log_add(bus, FAKE_LOG_UNMAP);
}

/* --- Interrupts ------------------------------------------------------------------------------- */

uint32_t *fake_table(struct fake_bus *bus, int index)
{
	return bus->table + (bus->function[index].config[MSIX + 1] & ~7u) / 4;
}

unsigned fake_unmasked(struct fake_bus *bus, int index)
{
	uint32_t vectors = (bus->function[index].config[MSIX] >> 16 & 0x7ff) + 1;
	uint32_t first = (bus->function[index].config[MSIX + 1] & ~7u) / 4;
	unsigned count = 0;

	/* A capability that lies, of another device than the one whose table is mapped. */
	if (first > sizeof(bus->table) / 4 || 4 * vectors > sizeof(bus->table) / 4 - first)
		return 0;
	for (uint32_t i = 0; i < vectors; i++)
		count += (fake_table(bus, index)[4 * i + 3] & 1) == 0;
	return count;
}

/* MSI-X must be enabled and masked: a message stays pending while the table changes. */
static int msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	struct fake_bus *bus = ctx;

	if (bus->opened == 0)
		bus->opened_for = function;
	bus->faults += function != bus->opened_for;
	if (index != bus->opened || bus->table_size == 0 || bus->msix_writes == 0 ||
	    bus->msix[bus->msix_writes - 1].control != 3)
		bus->faults++;
	if (bus->opened == bus->msi_max)
		return -1;
	*address = FAKE_MSI_ADDRESS(index);
	*data = FAKE_MSI_DATA(index);
	bus->opened++;
	return 0;
}

/* The device must have been masked before, and either its table unmapped or all of it masked. */
static void msi_close(void *ctx, uint32_t function, uint32_t index)
{
	struct fake_bus *bus = ctx;
	unsigned last = bus->msix_writes ? bus->msix_writes - 1 : 0;
	uint32_t control = bus->msix[last].control;

	if (function != bus->opened_for || index >= bus->opened || (control & 1) == 0 ||
	    (bus->table_size == 0 && control != 1) || bus->msix[last].unmasked != 0)
		bus->faults++;
	bus->opened--;
	log_add(bus, FAKE_LOG_MSI_CLOSE | index);
}

/* --- Time ------------------------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return 1234;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct fake_bus *bus = ctx;

	bus->slept += seen == 7 && deadline_ns == 5678;
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 7;
}

/* --- Making functions ------------------------------------------------------------------------- */

void fake_init(struct fake_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
	bus->platform = (struct ivsh_platform){
	    .ctx = bus,
	    .config_read = config_read,
	    .config_write = config_write,
	    .map = map,
	    .unmap = unmap,
	    .msi_open = msi_open,
	    .msi_close = msi_close,
	    .now_ns = now_ns,
	    .sleep = sleep_until,
	    .count = count,
	};
	bus->msi_max = UINT32_MAX;
}

int fake_add(struct fake_bus *bus, int parent, uint32_t devfn, uint32_t id, uint32_t header)
{
	int index = 0;
	struct fake_function *at;

	while (index < bus->count && fake_function_there(bus, index))
		index++;
	bus->count += index == bus->count;
	at = &bus->function[index];
	memset(at, 0, sizeof(*at));
	at->parent = parent;
	at->devfn = devfn;
	at->config[ID] = id;
	at->config[HEADER] = header << 16;
	at->config[COMMAND] = STATUS_STICKY;
	at->writable[COMMAND] = 0x7;
	return index;
}

#define GONE 0x100u /* no function on a bus has this number */

void fake_function_remove(struct fake_bus *bus, int index)
{
	memset(&bus->function[index], 0, sizeof(bus->function[index]));
	bus->function[index].parent = FAKE_ROOT;
	bus->function[index].devfn = GONE;
}

bool fake_function_there(const struct fake_bus *bus, int index)
{
	return bus->function[index].devfn != GONE;
}

void fake_rom(struct fake_bus *bus, int index, uint32_t size, uint32_t address)
{
	bus->function[index].config[ROM] = address;
	bus->function[index].writable[ROM] = (0 - size) | 1;
}

int fake_bridge(struct fake_bus *bus, int parent, uint32_t devfn, bool high)
{
	int index = fake_add(bus, parent, devfn, 0x000c1b36, 1); /* QEMU's pcie-root-port */
	struct fake_function *at = &bus->function[index];

	at->writable[BUSES] = 0x00ffffff;
	at->writable[MEMORY] = 0xfff0fff0;
	if (high) {
		at->config[PREFETCH] = 0x00010001;
		at->writable[PREFETCH] = 0xfff0fff0;
		at->writable[BASE_HIGH] = at->writable[LIMIT_HIGH] = 0xffffffff;
	}
	return index;
}

void fake_bridge_set(struct fake_bus *bus, int bridge, uint32_t primary, uint32_t secondary,
    uint32_t subordinate, uint32_t start, uint32_t end)
{
	uint32_t *config = bus->function[bridge].config;

	config[BUSES] = subordinate << 16 | secondary << 8 | primary;
	config[MEMORY] = start == end ? 0xfff0 : (start >> 16 & 0xfff0) | ((end - 1) & 0xfff00000);
	config[PREFETCH] |= 0xfff0;
	config[COMMAND] |= 6;
}

void fake_bar(struct fake_bus *bus, int index, uint32_t bar, uint64_t size, uint32_t flags)
{
	struct fake_function *at = &bus->function[index];
	uint64_t mask = (0 - size) & ~(uint64_t)((flags & FAKE_BAR_IO) != 0 ? 3 : 15);

	at->config[BAR + bar] = flags;
	at->writable[BAR + bar] = (uint32_t)mask;
	if ((flags & FAKE_BAR_64) != 0 && bar < 5)
		at->writable[BAR + bar + 1] = (uint32_t)(mask >> 32);
}

void fake_bar_set(struct fake_bus *bus, int index, uint32_t bar, uint64_t address)
{
	uint32_t *word = &bus->function[index].config[BAR + bar];

	word[0] = (word[0] & 0xf) | (uint32_t)address;
	if ((word[0] & FAKE_BAR_64) != 0)
		word[1] = (uint32_t)(address >> 32);
}

int fake_ivshmem(
    struct fake_bus *bus, int parent, uint32_t devfn, uint64_t memory_size, uint32_t vectors)
{
	int index = fake_add(bus, parent, devfn, 0x11101af4, 0);
	struct fake_function *at = &bus->function[index];

	at->config[CLASS] = 0x05000001;
	fake_bar(bus, index, 0, 256, 0);
	fake_bar(bus, index, 2, memory_size, FAKE_BAR_64 | FAKE_BAR_PREFETCH);
	if (vectors != 0) {
		fake_bar(bus, index, 1, vectors > 128 ? 65536 : 4096, 0);
		at->config[COMMAND] |= 1u << 20;
		at->config[LIST] = 0x40;
		at->config[0x40 / 4] = (vectors - 1) << 16 | 0x11;
		at->writable[0x40 / 4] = 0xc0000000;
		at->config[0x44 / 4] = 1;
		at->config[0x48 / 4] = (vectors > 128 ? vectors * 16 : 0x800) | 1;
	}
	return index;
}
