/* SPDX-License-Identifier: MIT */
/*
 * device_test.c - the ivshmem device: open, transport handle, doorbell and close; devices that lie.
 */
#include "tests/device/fake_platform.h"
#include "tests/lib/test.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define AT IVSH_PCI_FUNCTION(0, 4, 0)

static struct fake_bus bus;
static struct ivsh_device device;

/* Make a device with addresses, as firmware leaves it; answers its function on the bus. */
static struct fake_function *prepare(uint64_t size, uint32_t vectors)
{
	int index;

	fake_init(&bus);
	index = fake_ivshmem(&bus, FAKE_ROOT, AT, size, vectors);
	fake_bar_set(&bus, index, 0, 0xfebf1100);
	if (vectors != 0)
		fake_bar_set(&bus, index, 1, 0xfebe0000);
	fake_bar_set(&bus, index, 2, 1024 * GIB);
	bus.registers[2] = 3;
	return &bus.function[index];
}

/* --- Devices as they should be ---------------------------------------------------------------- */

static const struct good_row {
	const char *name;
	uint64_t size;
	uint32_t vectors;
	uint32_t position; /* IVPosition */
	uint32_t self;     /* in struct ivsh_mem */
	uint32_t command;  /* before open, and after close */
} good_rows[] = {
    {"plain", 4 * MIB, 0, 0, IVSH_SELF_NONE, 0},
    {"plain, IVPosition says something", 4 * MIB, 0, 0xffffffff, IVSH_SELF_NONE, 0},
    {"doorbell, 1 vector", 4 * MIB, 1, 0, 0, 3},
    {"doorbell, 2 vectors", 4096, 2, 1, 1, 2},
    {"doorbell, 128 vectors", 64 * GIB, 128, 200, 200, 4},
    {"doorbell, 2048 vectors", 1024 * GIB, 2048, 65535, 65535, 7},
};

static void opens(void)
{
	for (unsigned i = 0; i < COUNT(good_rows); i++) {
		const struct good_row *row = &good_rows[i];
		struct fake_function before, *at = prepare(row->size, row->vectors);
		struct ivsh_mem mem;

		test_row(row->name);
		bus.registers[2] = row->position;
		at->config[1] |= row->command;
		before = *at;
		memset(&device, 0xa5, sizeof(device));
		NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
		CHECK_EQ(at->config[1], before.config[1] | 6);
		CHECK_EQ(device.revision, 1);
		CHECK_EQ(device.doorbell, row->vectors != 0);
		CHECK_EQ(device.vectors, row->vectors);
		CHECK_EQ(device.ivposition, row->position);
		CHECK_EQ(device.bar[2].size, row->size);
		CHECK_EQ(bus.maps, 2);
		CHECK_EQ(bus.kind[0], IVSH_MAP_REGISTERS);
		CHECK_EQ(bus.kind[1], IVSH_MAP_MEMORY);
		memset(&mem, 0xa5, sizeof(mem));
		ivsh_device_mem(&device, &mem);
		CHECK(mem.base == bus.memory);
		CHECK(mem.parts == NULL && mem.part_count == 0 && mem.split == NULL);
		CHECK_EQ(mem.size, row->size);
		CHECK_EQ(mem.self, row->self);
		CHECK_EQ(mem.doorbell.vectors, 0);
		CHECK_EQ(mem.doorbell.notify != NULL, row->vectors != 0);
		ivsh_device_close(&device);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(memcmp(at, &before, sizeof(before)), 0);
		ivsh_device_close(&device);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.faults, 0);
	}
}

static void doorbell(void)
{
	static const struct {
		uint32_t peer, vector, word; /* 0xdead0000: no store */
	} notifications[] = {
	    {0, 0, 0},
	    {1, 0, 0x10000},
	    {0, 1, 1},
	    {0x1234, 0x56, 0x12340056},
	    {0xffff, 0xffff, 0xffffffff},
	    {0x10000, 0, 0xdead0000},
	    {0, 0x10000, 0xdead0000},
	    {0xffffffff, 0, 0xdead0000},
	    {1, 0xffffffff, 0xdead0000},
	};
	struct ivsh_mem mem;
	uint32_t registers[80];

	prepare(4 * MIB, 2);
	NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
	ivsh_device_mem(&device, &mem);
	for (unsigned i = 0; i < COUNT(notifications); i++) {
		bus.registers[3] = 0xdead0000;
		memcpy(registers, bus.registers, sizeof(registers));
		mem.doorbell.notify(
		    mem.doorbell.ctx, notifications[i].peer, notifications[i].vector);
		CHECK_EQ(bus.registers[3], notifications[i].word);
		registers[3] = notifications[i].word;
		CHECK_EQ(memcmp(registers, bus.registers, sizeof(registers)), 0);
	}
	CHECK_EQ(mem.doorbell.now_ns(mem.doorbell.ctx), 1234);
	CHECK_EQ(mem.doorbell.count(mem.doorbell.ctx), 7);
	mem.doorbell.sleep(mem.doorbell.ctx, 7, 5678);
	CHECK_EQ(bus.slept, 1);
	mem.doorbell.relax(mem.doorbell.ctx);
	bus.platform.unmap = NULL;
	ivsh_device_close(&device);
}

/* The former owner's MSI-X is off before a message can go out. */
static void former_owner(void)
{
	struct fake_function *at = prepare(4 * MIB, 4);

	at->config[0x40 / 4] |= 0x80000000;
	NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
	CHECK_EQ(at->config[0x40 / 4], 0x00030011);
	CHECK_EQ(device.vectors, 4);
}

/* Three devices: each is found, and opened on its own. */
static void several(void)
{
	static struct ivsh_device all[3];
	uint32_t function = 0;

	fake_init(&bus);
	for (uint32_t i = 0; i < 3; i++) {
		int index = fake_ivshmem(&bus, FAKE_ROOT, i << 4, MIB << i, i);

		fake_bar_set(&bus, index, 0, 0xfebf1000 + i * 256);
		fake_bar_set(&bus, index, 1, i == 0 ? 0 : 0xfebe0000 + i * 4096);
		fake_bar_set(&bus, index, 2, (i + 1) * GIB);
	}
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQ(ivsh_device_find(&bus.platform, i, &function), 0);
		CHECK_EQ(function, i << 4);
		NEED_EQ(ivsh_device_open(&all[i], &bus.platform, function), 0);
		CHECK_EQ(all[i].bar[2].size, MIB << i);
		CHECK_EQ(all[i].vectors, i);
	}
	CHECK_EQ(bus.maps, 6);
	CHECK_EQ(ivsh_device_find(&bus.platform, 3, &function), IVSH_ENODEV);
}

/* --- Devices and platforms that lie ----------------------------------------------------------- */

static const struct lie_row {
	const char *name;
	uint32_t word, value,
	    writable; /* one word of configuration space, and what can be written */
	int result;
} lie_rows[] = {
    {"another device", 0x00, 0x10001af4, 0, IVSH_ENODEV},
    {"absent", 0x00, 0xffffffff, 0, IVSH_ENODEV},
    {"a bridge's header", 0x0c, 0x00010000, 0, IVSH_ENODEV},
    {"revision 0", 0x08, 0x05000000, 0, IVSH_EVERSION},
    {"revision 2", 0x08, 0x05000002, 0, IVSH_EVERSION},
    {"COMMAND keeps nothing", 0x04, 0x20100000, 0, IVSH_EPROTO},
    {"COMMAND keeps no bus master", 0x04, 0x20100000, 2, IVSH_EPROTO},
    {"capability loop", 0x40, 0x00014005, 0, IVSH_EPROTO},
    {"capability in the header", 0x34, 0x10, 0, IVSH_EPROTO},
    {"BAR0 is I/O", 0x10, 0xc001, 0xffffff00, IVSH_EPROTO},
    {"BAR0 has 64 bits", 0x10, 0xfebf1004, 0xffffff00, IVSH_EPROTO},
    {"BAR0 has 128 bytes", 0x10, 0xfebf1100, 0xffffff80, IVSH_EPROTO},
    {"BAR0 is missing", 0x10, 0, 0, IVSH_EPROTO},
    {"BAR0 has no address", 0x10, 0, 0xffffff00, IVSH_ENOSPC},
    {"BAR1 is missing", 0x14, 0, 0, IVSH_EPROTO},
    {"BAR1 is I/O", 0x14, 0xc001, 0xfffff000, IVSH_EPROTO},
    {"BAR1 has 64 bits", 0x14, 0xfebe0004, 0xfffff000, IVSH_EPROTO},
    {"BAR2 has a hole", 0x18, 0x0000000c, 0xffd00000, IVSH_EPROTO},
    {"BAR2 has an undefined type", 0x18, 0x0000000e, 0xffc00000, IVSH_EPROTO},
    {"BAR2 is I/O", 0x18, 0x1, 0xfffffffc, IVSH_EPROTO},
    {"BAR2 has 2 KiB", 0x18, 0x0000000c, 0xfffff800, IVSH_EPROTO},
    {"BAR2 has size 0", 0x18, 0x0000000c, 0, IVSH_EPROTO},
    {"BAR2 has no address", 0x1c, 0, 0xffffffff, IVSH_ENOSPC},
};

/* Open fails, nothing is mapped, and the function is as it was. */
static void refused(const struct fake_function *at, int result)
{
	struct fake_function before = *at;

	CHECK_EQ(ivsh_device_open(&device, &bus.platform, AT), result);
	CHECK_EQ(bus.maps, 0);
	CHECK_EQ(memcmp(at, &before, sizeof(before)), 0);
	CHECK_EQ(bus.faults, 0);
	CHECK(device.registers == NULL && device.memory == NULL);
}

static void lies(void)
{
	for (unsigned i = 0; i < COUNT(lie_rows); i++) {
		const struct lie_row *row = &lie_rows[i];
		struct fake_function *at = prepare(4 * MIB, 2);

		test_row(row->name);
		/* BAR2's lies are about 4 GiB at most: the upper half keeps all of its bits. */
		at->config[row->word / 4] = row->value;
		at->writable[row->word / 4] = row->writable;
		if (row->word == 0x18 && row->writable == 0)
			at->writable[0x1c / 4] = 0;
		refused(at, row->result);
	}
	test_row("revision is reported");
	prepare(4 * MIB, 2)->config[2] = 0x05000007;
	CHECK_EQ(ivsh_device_open(&device, &bus.platform, AT), IVSH_EVERSION);
	CHECK_EQ(device.revision, 7);
}

/* An MSI-X capability so close to the end that its last words are outside. */
static void late_msix(void)
{
	struct fake_function *at = prepare(4 * MIB, 2);

	at->config[0x34 / 4] = 0xf8;
	at->config[0xf8 / 4] = 0x00010011;
	refused(at, IVSH_EPROTO);
}

static void platform_lies(void)
{
	static const uint32_t positions[] = {0x10000, 0x80000000, 0xffffffff};

	for (unsigned i = 0; i < 3; i++) {
		struct fake_function *at = prepare(4 * MIB, 2);

		test_row("map");
		bus.no_registers = i == 0;
		bus.no_memory = i == 1;
		bus.misaligned = i == 2;
		refused(at, IVSH_EPLATFORM);
		test_row("IVPosition");
		at = prepare(4 * MIB, 2);
		bus.registers[2] = positions[i];
		refused(at, IVSH_EPROTO);
	}
}

/* From the platform to the transport handle in one call. */
static void opens_any(void)
{
	struct ivsh_mem mem;

	prepare(4 * MIB, 2);
	bus.registers[2] = 3;
	bus.msi_max = 5;
	bus.platform.seed = 1234567;
	CHECK_EQ(ivsh_device_open_any(&device, &bus.platform, 1, &mem), IVSH_ENODEV);
	NEED_EQ(ivsh_device_open_any(&device, &bus.platform, 0, &mem), 0);
	CHECK(mem.base == bus.memory);
	CHECK_EQ(mem.self, 3);
	CHECK_EQ(mem.doorbell.vectors, 2);
	CHECK_EQ(mem.seed, 1234567);
	ivsh_device_close(&device);
	CHECK_EQ(bus.maps, 0);
	/* Without interrupts, or with a broken table: it polls. */
	prepare(4 * MIB, 2);
	bus.no_table = true;
	NEED_EQ(ivsh_device_open_any(&device, &bus.platform, 0, &mem), 0);
	CHECK_EQ(mem.doorbell.vectors, 0);
	ivsh_device_close(&device);
	prepare(4 * MIB, 0);
	NEED_EQ(ivsh_device_open_any(&device, &bus.platform, 0, &mem), 0);
	CHECK_EQ(mem.self, IVSH_SELF_NONE);
	ivsh_device_close(&device);
	prepare(4 * MIB, 2);
	bus.no_memory = true;
	CHECK_EQ(ivsh_device_open_any(&device, &bus.platform, 0, &mem), IVSH_EPLATFORM);
	CHECK_EQ(bus.maps, 0);
}

/* --- Devices that go, and devices that come back ---------------------------------------------- */

enum gone {
	GONE_ABSENT,  /* nothing answers at its function number */
	GONE_OTHER,   /* another device is in its place */
	GONE_ADDED,   /* an ivshmem device without addresses is */
	GONE_MOVED_0, /* an ivshmem device with other addresses is */
	GONE_MOVED_2,
	GONE_KINDS,
};

static const char *const gone_names[] = {
    "absent", "another device", "added again", "another BAR0", "another BAR2"};

static void go(struct fake_function *at, enum gone how)
{
	if (how == GONE_ABSENT)
		at->devfn = 0xf8;
	else if (how == GONE_OTHER)
		at->config[0] = 0x10411af4;
	else if (how == GONE_ADDED)
		memset(&at->config[4], 0, 12), at->config[6] = 0xc, at->config[7] = 0;
	else if (how == GONE_MOVED_0)
		fake_bar_set(&bus, 0, 0, 0xfebf1000);
	else
		fake_bar_set(&bus, 0, 2, 2048 * GIB);
}

static struct fake_function *open_with_interrupts(struct ivsh_mem *mem)
{
	struct fake_function *at = prepare(4 * MIB, 4);

	if (ivsh_device_open_any(&device, &bus.platform, 0, mem) != 0 || device.interrupts != 4)
		test_fail(__FILE__, __LINE__, "open", device.interrupts, 4);
	return at;
}

/* Closing writes nothing to where the device was, but frees everything. */
static void closes_without(void)
{
	for (enum gone how = 0; how < GONE_KINDS; how++) {
		struct ivsh_mem mem;
		struct fake_function *at = open_with_interrupts(&mem), before;
		uint32_t table[256], registers[80];
		unsigned writes;

		test_row(gone_names[how]);
		go(at, how);
		before = *at;
		writes = bus.writes;
		memcpy(table, bus.table, sizeof(table));
		memcpy(registers, bus.registers, sizeof(registers));
		bus.msix[bus.msix_writes - 1].control = 1; /* nobody could mask it */
		bus.msix[bus.msix_writes - 1].unmasked = 0;
		ivsh_device_close(&device);
		CHECK_EQ(bus.writes, writes);
		CHECK_EQ(memcmp(at, &before, sizeof(before)), 0);
		CHECK_EQ(memcmp(table, bus.table, sizeof(table)), 0);
		CHECK_EQ(memcmp(registers, bus.registers, sizeof(registers)), 0);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.opened, 0);
		CHECK_EQ(bus.faults, 0);
		ivsh_device_close(&device);
		CHECK_EQ(bus.writes, writes);
	}
}

/* Something has disabled memory decoding: the table is not written, as that goes nowhere. */
static void closes_undecoded(void)
{
	struct ivsh_mem mem;
	struct fake_function *at = open_with_interrupts(&mem);
	uint32_t table[256];

	at->config[1] &= ~2u;
	memcpy(table, bus.table, sizeof(table));
	ivsh_device_close(&device);
	CHECK_EQ(memcmp(table, bus.table, sizeof(table)), 0);
	CHECK_EQ(at->config[0x40 / 4] & 0x80000000, 0);
	CHECK_EQ(at->config[1] & 6, 0);
	CHECK_EQ(bus.maps, 0);
	CHECK_EQ(bus.opened, 0);
	CHECK_EQ(bus.faults, 4); /* for each interrupt: the entries are as they were */
}

/* The order: vectors and MSI-X off, bus master, memory decoding; then nothing of it is mapped. */
static void closes_in_order(void)
{
	static const uint32_t steps[] = {
	    FAKE_LOG_MSIX | 3,
	    FAKE_LOG_MSIX | 1,
	    FAKE_LOG_COMMAND | 2,
	    FAKE_LOG_COMMAND | 0,
	    FAKE_LOG_UNMAP,
	    FAKE_LOG_UNMAP,
	    FAKE_LOG_UNMAP,
	    FAKE_LOG_MSI_CLOSE | 3,
	    FAKE_LOG_MSI_CLOSE | 2,
	    FAKE_LOG_MSI_CLOSE | 1,
	    FAKE_LOG_MSI_CLOSE | 0,
	};
	struct ivsh_mem mem;
	struct fake_function *at = open_with_interrupts(&mem);

	bus.log_count = 0;
	ivsh_device_close(&device);
	CHECK_EQ(at->config[1] & 6, 0);
	NEED_EQ(bus.log_count, COUNT(steps));
	for (unsigned i = 0; i < COUNT(steps); i++)
		CHECK_EQ(bus.log[i], steps[i]);
}

static void rechecks_gone(void)
{
	for (enum gone how = 0; how < GONE_KINDS; how++) {
		struct ivsh_mem mem;
		struct fake_function *at = open_with_interrupts(&mem);
		uint32_t self = 3;
		unsigned writes;

		test_row(gone_names[how]);
		go(at, how);
		writes = bus.writes;
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
		CHECK_EQ(self, 3);
		CHECK_EQ(bus.writes, writes);
	}
}

/* BAR0 does not answer, though configuration space does; or IVPosition is no ID. */
static void rechecks_silent(void)
{
	static const uint32_t positions[] = {0xffffffff, 0x10000};

	for (unsigned i = 0; i < 2; i++) {
		struct ivsh_mem mem;
		uint32_t self = 3;

		open_with_interrupts(&mem);
		bus.registers[2] = positions[i];
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
		CHECK_EQ(self, 3);
		CHECK_EQ(device.ivposition, 3);
	}
	prepare(4 * MIB, 0);
	NEED_EQ(ivsh_device_open(&device, &bus.platform, AT), 0);
	bus.registers[2] = 0xffffffff;
	{
		struct ivsh_mem mem;
		uint32_t self = 5;

		ivsh_device_mem(&device, &mem);
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
		bus.registers[2] = 0;
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
		CHECK_EQ(self, 5); /* ivshmem-plain has no ID: the caller's stays */
		ivsh_device_close(&device);
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	}
}

/* What a migration, or a reset of the device, leaves. */
static void rechecks(void)
{
	for (unsigned reset = 0; reset < 2; reset++) {
		struct ivsh_mem mem;
		struct fake_function *at = open_with_interrupts(&mem), before;
		uint32_t self = 3, table[16];
		unsigned steps = bus.msix_writes;

		test_row(reset ? "reset" : "migrated");
		memcpy(table, fake_table(&bus, 0), sizeof(table));
		before = *at;
		if (reset) {
			at->config[1] &= ~6u;
			at->config[0x40 / 4] &= 0x3fffffff;
			memset(fake_table(&bus, 0), 0, sizeof(table));
			for (uint32_t i = 0; i < 4; i++)
				fake_table(&bus, 0)[4 * i + 3] = 1;
		}
		bus.registers[2] = 9;
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
		CHECK_EQ(self, 9);
		CHECK_EQ(device.ivposition, 9);
		CHECK_EQ(device.interrupts, 4);
		CHECK_EQ(bus.opened, 4);
		CHECK_EQ(memcmp(table, fake_table(&bus, 0), sizeof(table)), 0);
		CHECK_EQ(at->config[1], before.config[1]);
		CHECK_EQ(at->config[0x40 / 4], before.config[0x40 / 4]);
		NEED_EQ(bus.msix_writes >= steps + 3, 1);
		CHECK_EQ(bus.msix[steps].control & 2, 0); /* off ... */
		CHECK_EQ(bus.msix[steps + 1].control, 3); /* ... and on, at first masked */
		CHECK_EQ(bus.msix[bus.msix_writes - 1].control, 2);
		ivsh_device_close(&device);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.opened, 0);
		CHECK_EQ(bus.faults, 0);
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"open", opens},
	    {"doorbell", doorbell},
	    {"former owner's MSI-X", former_owner},
	    {"several", several},
	    {"lies", lies},
	    {"MSI-X outside", late_msix},
	    {"a platform that fails", platform_lies},
	    {"open any", opens_any},
	    {"close in order", closes_in_order},
	    {"close without the device", closes_without},
	    {"close without decoding", closes_undecoded},
	    {"check again: gone", rechecks_gone},
	    {"check again: silent", rechecks_silent},
	    {"check again: there", rechecks},
	};

	return test_main("device/device", tests, COUNT(tests));
}
