/* SPDX-License-Identifier: MIT */
/*
 * its.c - the Interrupt Translation Service of GICv3: messages of devices become LPIs.
 *
 * Theory of operation. A device writes an EventID to the ITS, which knows it by its DeviceID. The
 * device table leads to a table of the device's events, that to an LPI and a collection, and the
 * collection table to a processor. There is one collection, this processor's. The EventID, the
 * number of the LPI and the slot are the same, so functions may share a DeviceID: behind a bridge
 * to conventional PCI they do.
 *
 * The ITS writes to its tables for as long as it is on, so none of them is ever given back: the
 * table of a device that is closed serves the next one.
 */
#include "bare/aarch64/a64.h"
#include "bare/aarch64/controller.h"
#include "bare/aarch64/host_bridge.h"
#include "bare/aarch64/its_queue.h"
#include "bare/aarch64/lpi.h"
#include "bare/aarch64/registers.h"
#include "bare/aarch64/slots.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

#define GITS_CTLR 0x0000u /* GICv3 12.19.5 */
#define CTLR_ENABLED 0x1u
#define CTLR_QUIESCENT (UINT32_C(1) << 31)
#define GITS_TYPER 0x0008u /* GICv3 12.19.10 */
#define TYPER_ENTRY(word) (((word) >> 4 & 15) + 1)
#define TYPER_EVENT_BITS(word) (((word) >> 8 & 31) + 1)
#define TYPER_DEVICE_BITS(word) (((word) >> 13 & 31) + 1)
#define GITS_TRANSLATER 0x10040u /* GICv3 12.19.9: in the second frame */
#define FRAME 0x10000u

#define GITS_BASER(n) (0x0100u + 8u * (n)) /* GICv3 12.19.1 */
#define BASERS 8u
#define BASER_TYPE(word) ((word) >> 56 & 7)
#define BASER_DEVICES 1u
#define BASER_COLLECTIONS 4u
#define BASER_ENTRY(word) (((word) >> 48 & 31) + 1)
#define BASER_CACHED (UINT64_C(7) << 59) /* normal, write-back */
#define BASER_PAGE(word) ((word) >> 8 & 3)
#define BASER_PAGES 256u
#define TABLE_ALIGNMENT 0x10000u /* of the largest pages */

#define REQUESTERS 65536u /* every bus, device and function */
#define DEVICES 16u

static struct {
	uint32_t id;
	uint32_t open; /* vectors; 0: nobody's */
	void *table;   /* of its events */
} devices[DEVICES];

static uint8_t owner[A64_SLOTS]; /* which of them has the slot */

static void *its;
static uint64_t typer;
static uint64_t translater;
static uint32_t device_ids; /* that the device table has */
static struct a64_messages messages;

/* --- Bringing it up --------------------------------------------------------------------------- */

/*
 * Give the ITS the table of (size) bytes at (table), which has the alignment of the largest pages.
 * The size of its pages may be fixed: then the field reads back as another one. False: the table
 * has too many pages, or the ITS does not take it.
 */
static bool baser_set(uint32_t n, const void *table, uint64_t size)
{
	static const uint32_t sizes[] = {4096, 16384, 65536};
	uint64_t value, type = a64_read64(its, GITS_BASER(n)) & (UINT64_C(0x071f) << 48);

	for (uint32_t page = 0; page < 3; page++) {
		uint64_t pages = size / sizes[page];

		if (pages > BASER_PAGES)
			continue;
		value = type | (uintptr_t)table | A64_ITS_VALID | BASER_CACHED | A64_GIC_SHAREABLE |
			page << 8 | (pages - 1);
		a64_write64(its, GITS_BASER(n), value);
		value = a64_read64(its, GITS_BASER(n));
		if ((value & A64_ITS_VALID) != 0 && BASER_PAGE(value) == page)
			return true;
	}
	return false;
}

/* A table of (entries) entries at least. */
static bool table_open(uint32_t n, uint64_t entries)
{
	uint64_t size = entries * BASER_ENTRY(a64_read64(its, GITS_BASER(n)));
	uint8_t *table;

	size = (size + TABLE_ALIGNMENT - 1) & ~(uint64_t)(TABLE_ALIGNMENT - 1);
	table = a64_memory(size, TABLE_ALIGNMENT);
	if (table == NULL)
		return false;
	a64_clean(table, table + size);
	return baser_set(n, table, size);
}

/* As many entries as requester IDs can become DeviceIDs. */
static uint64_t devices_wanted(void)
{
	uint64_t most = UINT64_C(1) << TYPER_DEVICE_BITS(typer), wanted = REQUESTERS;
	uint32_t last;

	if (a64_device_id(REQUESTERS - 1, &last) && last >= wanted)
		wanted = (uint64_t)last + 1;
	return wanted < most ? wanted : most;
}

static bool tables_open(void)
{
	uint64_t wanted = devices_wanted();

	for (uint32_t n = 0; n < BASERS; n++) {
		uint64_t type = BASER_TYPE(a64_read64(its, GITS_BASER(n)));

		if (type == BASER_DEVICES) {
			if (!table_open(n, wanted))
				return false;
		} else if (type == BASER_COLLECTIONS) {
			if (!table_open(n, 1))
				return false;
		} else {
			a64_write64(its, GITS_BASER(n), 0);
		}
	}
	device_ids = wanted > UINT32_MAX ? UINT32_MAX : (uint32_t)wanted;
	return true;
}

static void sync(void)
{
	a64_its_post(A64_ITS_SYNC, 0, 0, a64_lpi_target(typer));
}

/* From any state: a former owner's tables are left before ours are given. */
static const char *bring_up(void)
{
	const char *why;

	a64_write32(its, GITS_CTLR, a64_read32(its, GITS_CTLR) & ~CTLR_ENABLED);
	if (!a64_wait32(its, GITS_CTLR, CTLR_QUIESCENT, CTLR_QUIESCENT))
		return "its ITS does not leave another program's tables (reset the machine)";
	typer = a64_read64(its, GITS_TYPER);
	messages.count = A64_SLOTS;
	if (messages.count > UINT64_C(1) << TYPER_EVENT_BITS(typer))
		messages.count = 1u << TYPER_EVENT_BITS(typer);
	why = a64_lpi_open(&messages.count);
	if (why != NULL)
		return why;
	if (!tables_open() || !a64_its_queue_open(its))
		return "there is no memory for the tables of its ITS (QEMU's -m gives more)";
	a64_write32(its, GITS_CTLR, a64_read32(its, GITS_CTLR) | CTLR_ENABLED);
	a64_its_post(A64_ITS_MAPC, 0, 0, A64_ITS_VALID | a64_lpi_target(typer));
	a64_its_post(A64_ITS_INVALL, 0, 0, 0);
	sync();
	return a64_its_finish() ? NULL : "its ITS takes no commands (reset the machine)";
}

/* --- Devices and their events ----------------------------------------------------------------- */

/* A device has as many events as there are slots. */
static uint32_t event_bits(void)
{
	uint32_t bits = 1;

	while (1u << bits < messages.count)
		bits++;
	return bits;
}

static void mapd(uint32_t device, bool valid)
{
	uint64_t table = (uintptr_t)devices[device].table;

	a64_its_post(
	    A64_ITS_MAPD, devices[device].id, event_bits() - 1, valid ? A64_ITS_VALID | table : 0);
}

/* The one of (id), which has a table of events then. DEVICES: there is no room. */
static uint32_t device_take(uint32_t id)
{
	uint64_t size = TYPER_ENTRY(typer) << event_bits();
	uint32_t device = 0, i;

	for (i = 0; i < DEVICES; i++)
		if (devices[i].open != 0 && devices[i].id == id)
			return i;
	while (device < DEVICES && devices[device].open != 0)
		device++;
	if (device == DEVICES || id >= device_ids)
		return DEVICES;
	if (devices[device].table == NULL)
		devices[device].table = a64_memory(size, 0);
	if (devices[device].table == NULL)
		return DEVICES;
	__builtin_memset(devices[device].table, 0, size);
	a64_clean(devices[device].table, (uint8_t *)devices[device].table + size);
	devices[device].id = id;
	mapd(device, true);
	return device;
}

/* The LPI is no longer pending once DISCARD is done, and can be another's. */
static void close(uint32_t slot)
{
	uint32_t device = owner[slot];

	a64_its_post(A64_ITS_DISCARD, devices[device].id, slot, 0);
	sync();
	if (!a64_its_finish())
		return; /* the LPI may come: its slot is nobody else's */
	a64_slots_free(slot);
	devices[device].open--;
	if (devices[device].open != 0)
		return;
	mapd(device, false);
	sync();
	(void)a64_its_finish();
}

/*
 * The DeviceID of (function). It takes long to find, and is the same for all vectors that are
 * opened together, from 0 on.
 */
static bool find_id(uint32_t function, uint32_t index, uint32_t *id)
{
	static uint32_t found_for = UINT32_MAX, found;

	if (index == 0 || function != found_for) {
		found_for = UINT32_MAX;
		if (!a64_device_id(a64_requester(arch_platform(), function), &found))
			return false;
		found_for = function;
	}
	*id = found;
	return true;
}

static int open(uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	uint32_t slot, device, id;

	if (!find_id(function, index, &id))
		return -1;
	slot = a64_slots_take(messages.count, function, index);
	if (slot == A64_SLOTS_NONE)
		return -1;
	device = device_take(id);
	if (device == DEVICES) {
		a64_slots_free(slot);
		return -1;
	}
	owner[slot] = (uint8_t)device;
	devices[device].open++;
	a64_its_post(A64_ITS_MAPTI, id, slot | (uint64_t)(A64_INTID_LPI + slot) << 32, 0);
	sync();
	if (!a64_its_finish())
		return -1;
	*address = translater;
	*data = slot;
	return 0;
}

const struct a64_messages *a64_its(const struct bare_dtb *dtb, const char **why)
{
	uint32_t node = a64_host_bridge_open(dtb, "arm,gic-v3-its");
	struct bare_dtb_range range;

	*why = "its GICv3 has no ITS (QEMU's virt has one without its=off)";
	if (node == 0 || !bare_dtb_reg(dtb, node, 0, &range))
		return NULL;
	*why = "its ITS cannot be mapped";
	its = virt_map(range.address, FRAME, IVSH_MAP_REGISTERS);
	if (its == NULL)
		return NULL;
	translater = range.address + GITS_TRANSLATER;
	messages.first = A64_INTID_LPI;
	messages.open = open;
	messages.close = close;
	*why = bring_up();
	return *why == NULL ? &messages : NULL;
}
