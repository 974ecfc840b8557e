/* SPDX-License-Identifier: MIT */
/*
 * fake_its.c - an ITS and a redistributor that have any parameters, stop, stall, or hold on to what
 * they had; and what else lib/bare/aarch64/its.c calls.
 */
#include "tests/bare/fake_its.h"

#include "bare/aarch64/a64.h"
#include "bare/aarch64/controller.h"
#include "bare/aarch64/host_bridge.h"
#include "bare/aarch64/lpi.h"
#include "bare/aarch64/registers.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS 64u
#define VALID (UINT64_C(1) << 63)
#define ADDRESS(word) ((word)&UINT64_C(0xfffffffff000))

struct machine machine;
struct fake_its its;
uint32_t block_count;
char printed[256];

static struct {
	uint32_t ctlr;
	uint64_t propbaser, pendbaser;
} redistributor;

static struct {
	uint8_t *start;
	uint64_t size;
} blocks[BLOCKS];
static uint8_t registers[2][65536];
static struct ivsh_platform platform;

/* --- What the sources under test call --------------------------------------------------------- */

void *a64_memory(uint64_t size, uint64_t alignment)
{
	uint8_t *start;

	if (block_count + 1 == machine.no_memory)
		return NULL;
	alignment = alignment < 4096 ? 4096 : alignment;
	size = (size + alignment - 1) & ~(alignment - 1);
	start = aligned_alloc(alignment, size);
	if (start == NULL)
		return NULL;
	memset(start, 0, size);
	blocks[block_count].start = start;
	blocks[block_count++].size = size;
	return start;
}

/* Whether [address, address + size) is in one allocation, all of it 0 if (zero). */
static bool is_ours(uint64_t address, uint64_t size, bool zero)
{
	for (uint32_t i = 0; i < block_count; i++) {
		uint64_t start = (uintptr_t)blocks[i].start;

		if (address < start || address - start > blocks[i].size ||
		    size > blocks[i].size - (address - start))
			continue;
		for (uint64_t at = 0; zero && at < size; at++)
			if (blocks[i].start[address - start + at] != 0)
				return false;
		return true;
	}
	return false;
}

void a64_clean(const void *start, const void *end)
{
	(void)start, (void)end;
}

void a64_print(const char *text)
{
	strncat(printed, text, sizeof(printed) - strlen(printed) - 1);
}

uint32_t a64_host_bridge_open(const struct bare_dtb *dtb, const char *compatible)
{
	(void)dtb;
	return strcmp(compatible, "arm,gic-v3-its") == 0;
}

bool bare_dtb_reg(
    const struct bare_dtb *dtb, uint32_t node, uint32_t index, struct bare_dtb_range *range)
{
	(void)dtb, (void)node, (void)index;
	*range = (struct bare_dtb_range){FRAME, 0x20000};
	return true;
}

void *virt_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	return address == FRAME && size == 65536 && kind == IVSH_MAP_REGISTERS ? registers[0]
									       : NULL;
}

const struct ivsh_platform *arch_platform(void)
{
	return &platform;
}

/* Functions 0x10 and 0x11 are behind one bridge. */
uint32_t a64_requester(const struct ivsh_platform *p, uint32_t function)
{
	(void)p;
	return function == 0x11 ? 0x10 : function;
}

bool a64_device_id(uint32_t requester, uint32_t *id)
{
	*id = requester;
	return requester != 0x99;
}

bool a64_is_late(uint64_t *start)
{
	return ++*start > 100;
}

bool a64_wait32(const volatile void *base, uint32_t offset, uint32_t mask, uint32_t value)
{
	uint64_t start = 0;

	while ((a64_read32(base, offset) & mask) != value)
		if (a64_is_late(&start))
			return false;
	return true;
}

/* --- The ITS: GICv3 5.3, 12.19 ---------------------------------------------------------------- */

uint32_t fake_find(uint32_t id)
{
	uint32_t i = 0;

	while (i < DEVICES && !(its.devices[i].valid && its.devices[i].id == id))
		i++;
	return i;
}

static void mapd(const uint64_t *c)
{
	uint32_t id = (uint32_t)(c[0] >> 32), i = fake_find(id), bits = (uint32_t)(c[1] & 31) + 1;
	uint64_t table = c[2] & UINT64_C(0xfffffffffff00), size = (uint64_t)machine.entry << bits;

	FAULT((uint64_t)id >> machine.device_bits != 0);
	if ((c[2] & VALID) == 0) {
		FAULT(i == DEVICES);
		if (i == DEVICES)
			return;
		for (uint32_t event = 0; event < EVENTS; event++)
			FAULT(its.devices[i].intid[event] != 0);
		its.devices[i].valid = false;
		return;
	}
	FAULT(i != DEVICES);
	FAULT(bits > machine.event_bits || bits > 12);
	FAULT(!is_ours(table, size, true));
	for (i = 0; i < DEVICES; i++)
		FAULT(its.devices[i].valid && its.devices[i].table == table);
	for (i = 0; i < DEVICES && its.devices[i].valid; i++)
		;
	FAULT(i == DEVICES);
	if (i == DEVICES)
		return;
	its.devices[i].valid = true;
	its.devices[i].id = id;
	its.devices[i].bits = bits;
	its.devices[i].table = table;
	/* The ITS writes to it. */
	memset((void *)(uintptr_t)table, 0xff, size);
}

static void map_event(const uint64_t *c, bool discard)
{
	uint32_t i = fake_find((uint32_t)(c[0] >> 32)), event = (uint32_t)c[1];
	uint32_t intid = (uint32_t)(c[1] >> 32);

	FAULT(i == DEVICES || event >> its.devices[i].bits != 0);
	if (i == DEVICES || event >= EVENTS)
		return;
	FAULT((its.devices[i].intid[event] != 0) != discard);
	FAULT(!discard && (intid < 8192 || intid >= 16384 || !its.collection || c[2] != 0));
	for (uint32_t d = 0; !discard && d < DEVICES; d++)
		for (uint32_t e = 0; its.devices[d].valid && e < EVENTS; e++)
			FAULT(its.devices[d].intid[e] == intid);
	its.devices[i].intid[event] = discard ? 0 : intid;
}

uint64_t fake_target(void)
{
	return machine.by_address ? (uintptr_t)registers[1] : UINT64_C(7) << 16;
}

/* False: it does not go on. */
static bool execute(const uint64_t *c)
{
	uint32_t number = ++its.commands;

	if (machine.stops != 0 && number >= machine.stops)
		return false;
	if (machine.stalls != 0 && number >= machine.stalls && (its.creadr & 1) == 0) {
		its.creadr |= 1;
		its.commands--;
		return false;
	}
	if ((its.creadr & 1) != 0 && !machine.recovers)
		return false;
	if ((its.creadr & 1) != 0)
		machine.stalls = 0;
	its.creadr &= ~1u;
	switch (c[0] & 0xff) {
	case 0x08:
		mapd(c);
		break;
	case 0x0a:
		map_event(c, false);
		break;
	case 0x0f:
		map_event(c, true);
		break;
	case 0x09:
		FAULT(c[2] != (VALID | fake_target()));
		its.collection = true;
		break;
	case 0x0d:
		FAULT(c[2] != 0 || !its.collection);
		break;
	case 0x05:
		FAULT(c[2] != fake_target());
		break;
	default:
		FAULT("an unknown command" != NULL);
	}
	return true;
}

static void run(uint32_t cwriter)
{
	const uint64_t *queue = (const uint64_t *)(uintptr_t)ADDRESS(its.cbaser);
	uint32_t size = ((uint32_t)(its.cbaser & 0xff) + 1) * 4096;

	FAULT((its.ctlr & 1) == 0);
	FAULT(!is_ours((uintptr_t)queue, size, false));
	its.cwriter = cwriter & 0xfffe0;
	FAULT(its.cwriter >= size);
	if ((its.creadr & 1) != 0 && (cwriter & 1) == 0)
		return;
	while ((its.creadr & 0xfffe0) != its.cwriter) {
		if (!execute(queue + (its.creadr & 0xfffe0) / 8))
			return;
		its.creadr = (its.creadr + 32) % size;
	}
}

static void baser_write(uint32_t n, uint64_t value)
{
	static const uint64_t sizes[] = {4096, 16384, 65536, 65536};
	uint64_t page, fixed = UINT64_C(0x071f) << 48;

	FAULT((its.ctlr & 1) != 0);
	if (machine.page != 0)
		value = (value & ~UINT64_C(0x300)) | (uint64_t)(machine.page - 1) << 8;
	its.baser[n] = (value & ~fixed) | (its.baser[n] & fixed);
	page = sizes[value >> 8 & 3];
	if ((value & VALID) == 0)
		return;
	/* If the page is another one than was written, it is written again. */
	FAULT(ADDRESS(value) % page != 0);
}

static void tables_check(void)
{
	static const uint64_t sizes[] = {4096, 16384, 65536, 65536};

	for (uint32_t n = 0; n < 8; n++) {
		uint64_t size = sizes[its.baser[n] >> 8 & 3] * ((its.baser[n] & 0xff) + 1);
		uint64_t wanted = n == 1 ? 1 : UINT64_C(1) << machine.device_bits;

		FAULT(((its.baser[n] & VALID) != 0) != (n < 2));
		if (n >= 2)
			continue;
		wanted = wanted > 65536 ? 65536 : wanted;
		FAULT(!is_ours(ADDRESS(its.baser[n]), size, true));
		FAULT(size < wanted * machine.table_entry);
	}
}

/* --- The registers ---------------------------------------------------------------------------- */

static uint64_t read_any(const volatile void *base, uint32_t offset)
{
	if (base == registers[1])
		return offset == 0x00   ? redistributor.ctlr
		       : offset == 0x08 ? (machine.no_lpis ? 0 : 1) | 7 << 8
		       : offset == 0x70 ? redistributor.propbaser
					: redistributor.pendbaser;
	if (offset >= 0x100)
		return its.baser[(offset - 0x100) / 8];
	switch (offset) {
	case 0x00:
		return its.ctlr | (machine.keeps_its || its.ctlr != 0 ? 0 : UINT32_C(1) << 31);
	case 0x08:
		return (machine.entry - 1) << 4 | (machine.event_bits - 1) << 8 |
		       (machine.device_bits - 1) << 13 | (uint64_t)machine.by_address << 19;
	case 0x80:
		return its.cbaser;
	case 0x88:
		return its.cwriter;
	default:
		return its.creadr;
	}
}

uint32_t a64_read32(const volatile void *base, uint32_t offset)
{
	return (uint32_t)read_any(base, offset);
}

uint64_t a64_read64(const volatile void *base, uint32_t offset)
{
	return read_any(base, offset);
}

static void redistributor_write(uint32_t offset, uint64_t value)
{
	if (offset == 0 && machine.keeps_lpis) {
		redistributor.ctlr |= value & 1;
	} else if (offset == 0) {
		redistributor.ctlr = value & 1;
		if (redistributor.ctlr == 0)
			return;
		FAULT(redistributor.propbaser % 32 != 13);
		FAULT(!is_ours(ADDRESS(redistributor.propbaser), 8192, false));
		FAULT(redistributor.pendbaser >> 16 << 16 != ADDRESS(redistributor.pendbaser));
		FAULT(!is_ours(ADDRESS(redistributor.pendbaser), 2048, true));
	} else {
		FAULT((redistributor.ctlr & 1) != 0);
		if (offset == 0x70)
			redistributor.propbaser = value;
		else
			redistributor.pendbaser = value & ~(UINT64_C(1) << 62);
	}
}

void a64_write64(volatile void *base, uint32_t offset, uint64_t value)
{
	if (base == registers[1]) {
		redistributor_write(offset, value);
	} else if (offset >= 0x100) {
		baser_write((offset - 0x100) / 8, value);
	} else if (offset == 0x80) {
		FAULT((its.ctlr & 1) != 0);
		its.cbaser = value;
		its.creadr = 0;
	} else if (offset == 0x88 && ((its.ctlr & 1) != 0 || value != 0)) {
		run((uint32_t)value);
	} else if (offset == 0) {
		its.ctlr = value & 1;
		if (its.ctlr != 0)
			tables_check();
	}
}

void a64_write32(volatile void *base, uint32_t offset, uint32_t value)
{
	a64_write64(base, offset, value);
}

void fake_init(const struct machine *m)
{
	machine = *m;
	machine.entry = m->entry ? m->entry : 12;
	machine.event_bits = m->event_bits ? m->event_bits : 16;
	machine.device_bits = m->device_bits ? m->device_bits : 16;
	machine.table_entry = m->table_entry ? m->table_entry : 8;
	machine.id_bits = m->id_bits ? m->id_bits : 16;
	machine.slots = m->slots ? m->slots : 2048;
	its.baser[0] = UINT64_C(1) << 56 | (uint64_t)(machine.table_entry - 1) << 48;
	its.baser[1] = UINT64_C(4) << 56 | (uint64_t)(machine.table_entry - 1) << 48;
	its.baser[2] = UINT64_C(2) << 56 | (m->owned ? VALID | 0x5000 : 0);
	if (m->owned) {
		its.baser[0] |= VALID | 0x4000;
		its.ctlr = 1;
		its.cwriter = 0x40;
		its.creadr = 1;
		redistributor.ctlr = 1;
		redistributor.propbaser = 0x400f;
	}
	a64_lpi_place(registers[1], (m->no_lpis ? 0 : 1u << 17) | (machine.id_bits - 1) << 19 |
					(m->lpi_bits ? m->lpi_bits - 1 : 0) << 11);
}
