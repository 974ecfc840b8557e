/* SPDX-License-Identifier: MIT */
/*
 * msix_test.c - interrupts: the MSI-X table over time, and capabilities and platforms that lie.
 */
#include "tests/device/fake_platform.h"
#include "tests/lib/test.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define AT IVSH_PCI_FUNCTION(0, 4, 0)

#define CAPABILITY (0x40 / 4)
#define TABLE (0x44 / 4)
#define PENDING (0x48 / 4)

static struct fake_bus bus;
static struct ivsh_device device;

/* Make an ivshmem-doorbell with addresses. Its table has a former owner's entries, all unmasked. */
static struct fake_function *prepare(uint32_t vectors)
{
	int index;

	fake_init(&bus);
	index = fake_ivshmem(&bus, FAKE_ROOT, AT, 4 * MIB, vectors);
	fake_bar_set(&bus, index, 0, 0xfebf0000);
	if (vectors != 0)
		fake_bar_set(&bus, index, 1, 0xfebe0000);
	fake_bar_set(&bus, index, 2, 1024 * GIB);
	bus.registers[2] = 3;
	memset(bus.table, 0xa6, sizeof(bus.table));
	return &bus.function[index];
}

/* Entry (index) has the platform's message if it is (used), and is masked otherwise. */
static void entry_check(uint32_t index, bool used)
{
	const uint32_t *entry = fake_table(&bus, 0) + index * 4;

	CHECK_EQ(entry[0], used ? (uint32_t)FAKE_MSI_ADDRESS(index) : 0xa6a6a6a6);
	CHECK_EQ(entry[1], used ? FAKE_MSI_ADDRESS(index) >> 32 : 0xa6a6a6a6);
	CHECK_EQ(entry[2], used ? FAKE_MSI_DATA(index) : 0xa6a6a6a6);
	CHECK_EQ(entry[3], used ? 0xa6a6a6a6 : 0xa6a6a6a7);
}

static void steps_check(unsigned from, const uint32_t *control, unsigned count, uint32_t last)
{
	NEED_EQ(bus.msix_writes, from + count);
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(bus.msix[from + i].control, control[i]);
	CHECK_EQ(bus.msix[from + count - 1].unmasked, last);
}

/* --- As it should be -------------------------------------------------------------------------- */

static const struct good_row {
	const char *name;
	uint32_t vectors, wanted, max, interrupts;
} good_rows[] = {
    {"all", 4, 4, 4, 4},
    {"one of one", 1, 1, 1, 1},
    {"fewer than the device has", 4, 3, 4, 3},
    {"more than the device has", 2, 128, 128, 2},
    {"128", 128, 128, 2048, 128},
    {"2048", 2048, 2048, 2048, 2048},
    {"128 of 2048", 2048, 128, 2048, 128},
    {"the platform has 3", 4, 4, 3, 3},
    {"the platform has 1", 4, 4, 1, 1},
};

static void takes(void)
{
	static const uint32_t on[] = {3, 2}, off[] = {3, 1};

	for (unsigned i = 0; i < COUNT(good_rows); i++) {
		const struct good_row *row = &good_rows[i];
		struct fake_function *at = prepare(row->vectors);
		struct ivsh_mem mem;

		test_row(row->name);
		bus.msi_max = row->max;
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		NEED_EQ(ivsh_device_interrupts(&device, row->wanted), 0);
		CHECK_EQ(device.interrupts, row->interrupts);
		CHECK_EQ(bus.opened, row->interrupts);
		CHECK_EQ(bus.opened_for, AT);
		CHECK_EQ(bus.maps, 3);
		CHECK(bus.table_size >= row->vectors * 16);
		for (uint32_t v = 0; v < row->vectors; v++)
			entry_check(v, v < row->interrupts);
		steps_check(0, on, COUNT(on), row->interrupts);
		CHECK_EQ(at->config[1] & 4, 4);
		ivsh_device_mem(&device, &mem);
		CHECK_EQ(mem.doorbell.vectors, row->interrupts);
		CHECK_EQ(ivsh_device_interrupts(&device, 1), IVSH_EINVAL);
		CHECK_EQ(bus.opened, row->interrupts);
		ivsh_device_close(&device);
		steps_check(2, off, COUNT(off), 0);
		CHECK_EQ(fake_unmasked(&bus, 0), 0);
		CHECK_EQ(bus.opened, 0);
		CHECK_EQ(bus.maps, 0);
		ivsh_device_close(&device);
		CHECK_EQ(bus.msix_writes, 4);
		CHECK_EQ(bus.faults, 0);
	}
}

static const struct none_row {
	const char *name;
	uint32_t vectors, wanted, max;
	bool no_msi; /* the platform has no msi_open */
	int result;
} none_rows[] = {
    {"plain", 0, 4, 4, false, 0},
    {"none wanted", 4, 0, 4, false, 0},
    {"a platform without interrupts", 4, 4, 4, true, 0},
    {"a platform that has none left", 4, 4, 0, false, 0},
    {"2049 wanted", 4, 2049, 4, false, IVSH_EINVAL},
    {"2^32 - 1 wanted", 4, UINT32_MAX, 4, false, IVSH_EINVAL},
};

/* MSI-X is off, no message can go out, and the peer polls. */
static void none_check(uint32_t wanted, int result)
{
	struct ivsh_mem mem;

	CHECK_EQ(ivsh_device_interrupts(&device, wanted), result);
	CHECK_EQ(device.interrupts, 0);
	CHECK(device.table == NULL);
	CHECK_EQ(bus.opened, 0);
	CHECK_EQ(bus.maps, 2);
	CHECK_EQ(bus.function[0].config[CAPABILITY] & 0x80000000, 0);
	ivsh_device_mem(&device, &mem);
	CHECK_EQ(mem.doorbell.vectors, 0);
	ivsh_device_close(&device);
	CHECK_EQ(bus.maps, 0);
	CHECK_EQ(bus.faults, 0);
}

static void takes_none(void)
{
	for (unsigned i = 0; i < COUNT(none_rows); i++) {
		const struct none_row *row = &none_rows[i];

		test_row(row->name);
		prepare(row->vectors);
		bus.msi_max = row->max;
		if (row->no_msi)
			bus.platform.msi_open = NULL, bus.platform.msi_close = NULL;
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		none_check(row->wanted, row->result);
	}
	test_row("closed");
	CHECK_EQ(ivsh_device_interrupts(&device, 1), IVSH_EINVAL);
}

/* Open after a former owner did not close, and again after a close. */
static void reopens(void)
{
	struct fake_function *at = prepare(4);

	for (unsigned i = 0; i < 3; i++) {
		if (i == 1)
			memset(&device, 0xa5, sizeof(device));
		bus.opened = 0;
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		CHECK_EQ(at->config[CAPABILITY] & 0x80000000, 0);
		NEED_EQ(ivsh_device_interrupts(&device, 2), 0);
		CHECK_EQ(at->config[CAPABILITY] >> 30, 2);
		CHECK_EQ(fake_unmasked(&bus, 0), 2);
		if (i == 1)
			ivsh_device_close(&device);
	}
	CHECK_EQ(bus.faults, 0);
}

/* --- Tables elsewhere ------------------------------------------------------------------------- */

static const struct location_row {
	const char *name;
	uint32_t bar;
	uint64_t size; /* of that BAR; 0: as it is */
	uint32_t flags, table, pending, vectors;
	uint64_t mapped;
} location_rows[] = {
    {"behind the registers", 0, 4096, 0, 0x100, 0x800, 4, 256},
    {"not on a multiple of 256", 0, 4096, 0, 0x3f8, 0x800, 4, 512},
    {"up to the BAR's end", 1, 4096, 0, 0xfc0, 0, 4, 256},
    {"BAR4", 4, 16384, 0, 0x2000, 0, 128, 2048},
    {"BAR4 with 64 bits", 4, 16384, FAKE_BAR_64 | FAKE_BAR_PREFETCH, 0x2000, 0, 128, 2048},
    {"BAR5", 5, 16384, 0, 0, 0x3ff8, 64, 1024},
};

static void locations(void)
{
	for (unsigned i = 0; i < COUNT(location_rows); i++) {
		const struct location_row *row = &location_rows[i];
		struct fake_function *at = prepare(row->vectors);

		test_row(row->name);
		fake_bar(&bus, 0, row->bar, row->size, row->flags);
		fake_bar_set(&bus, 0, row->bar, 0xfeb00000);
		at->config[TABLE] = row->table | row->bar;
		at->config[PENDING] = row->pending | row->bar;
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		NEED_EQ(ivsh_device_interrupts(&device, 2048), 0);
		CHECK_EQ(device.interrupts, row->vectors);
		CHECK_EQ(bus.table_size, row->mapped);
		for (uint32_t v = 0; v < row->vectors; v++)
			entry_check(v, true);
		ivsh_device_close(&device);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.faults, 0);
	}
}

/* --- Lies ------------------------------------------------------------------------------------- */

static const struct lie_row {
	const char *name;
	uint32_t vectors, table, pending;
	uint32_t word, value, writable; /* one more word of configuration space; 0: none */
} lie_rows[] = {
    {"table in BAR6", 4, 6, 0x801, 0, 0, 0},
    {"table in BAR7", 4, 7, 0x801, 0, 0, 0},
    {"pending bits in BAR7", 4, 1, 7, 0, 0, 0},
    {"table in the shared memory", 4, 2, 0x801, 0, 0, 0},
    {"pending bits in the shared memory", 4, 1, 2, 0, 0, 0},
    {"table in BAR2's upper half", 4, 3, 0x801, 0, 0, 0},
    {"table in BAR4, which is not there", 4, 4, 0x801, 0, 0, 0},
    {"table in BAR5, BAR4's upper half", 4, 5, 0x801, 0x20, 0x4, 0xffffc000},
    {"table in BAR4, which is I/O", 4, 4, 0x801, 0x20, 0xc001, 0xffffff00},
    {"table in BAR4, which has no address", 4, 4, 0x801, 0x20, 0, 0xffffc000},
    {"table on the registers", 4, 0, 0x801, 0x10, 0xfebf0000, 0xfffff000},
    {"table ends on the registers", 4, 0xf8, 0x801, 0x10, 0xfebf0000, 0xfffff000},
    {"table behind BAR0", 4, 0x100, 0x801, 0, 0, 0},
    {"table starts behind BAR1", 4, 0x1001, 0x801, 0, 0, 0},
    {"table starts far behind BAR1", 4, 0xfffffff9, 0x801, 0, 0, 0},
    {"table ends behind BAR1", 4, 0xfc9, 0x801, 0, 0, 0},
    {"2048 entries in 4 KiB", 2048, 1, 0x801, 0x14, 0xfebe0000, 0xfffff000},
    {"pending bits behind BAR1", 4, 1, 0x1001, 0, 0, 0},
    {"pending bits end behind BAR1", 65, 1, 0xff9, 0, 0, 0},
    {"BAR1 has no address", 4, 1, 0x801, 0x14, 0, 0xfffff000},
};

static void lies(void)
{
	for (unsigned i = 0; i < COUNT(lie_rows); i++) {
		const struct lie_row *row = &lie_rows[i];
		struct fake_function *at = prepare(row->vectors);
		uint32_t command;

		test_row(row->name);
		at->config[TABLE] = row->table;
		at->config[PENDING] = row->pending;
		if (row->word != 0) {
			at->config[row->word / 4] = row->value;
			at->writable[row->word / 4] = row->writable;
		}
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		command = at->config[1];
		CHECK_EQ(ivsh_device_interrupts(&device, 4), IVSH_EPROTO);
		CHECK_EQ(at->config[1], command);
		CHECK_EQ(bus.msix_writes, 0);
		none_check(0, 0);
	}
}

static void platform_lies(void)
{
	for (unsigned i = 0; i < 2; i++) {
		test_row(i == 0 ? "cannot map" : "maps unaligned");
		prepare(4);
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		bus.no_table = i == 0;
		bus.misaligned = i == 1;
		CHECK_EQ(ivsh_device_interrupts(&device, 4), IVSH_EPLATFORM);
		CHECK_EQ(bus.msix_writes, 0);
		none_check(0, 0);
	}
	/* A platform whose map needs no unmap. */
	test_row("cannot unmap");
	prepare(4);
	bus.platform.unmap = NULL;
	NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
	CHECK_EQ(ivsh_device_interrupts(&device, 4), 0);
	bus.table_size = 0;
	ivsh_device_close(&device);
	CHECK_EQ(fake_unmasked(&bus, 0), 0);
}

int main(void)
{
	static const struct test tests[] = {
	    {"takes", takes},
	    {"takes none", takes_none},
	    {"opens again", reopens},
	    {"locations", locations},
	    {"lies", lies},
	    {"a platform that fails", platform_lies},
	};

	return test_main("device/msix", tests, COUNT(tests));
}
