/* SPDX-License-Identifier: MIT */
/*
 * assign_test.c - bus numbers, bridge windows and BARs on machines whose firmware gave none.
 */
#include "tests/device/machines.h"
#include "tests/lib/test.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct fake_bus bus, before;

/* QEMU's aarch64 virt: hw/arm/virt.c, VIRT_PCIE_MMIO and VIRT_HIGH_PCIE_MMIO. */
#define VIRT_LOW                       \
	{                              \
		0x10000000, 0x3eff0000 \
	}
#define VIRT_HIGH                           \
	{                                   \
		0x8000000000, 0x10000000000 \
	}
#define NOTHING      \
	{            \
		0, 0 \
	}

static const struct row {
	const char *name;
	void (*build)(struct fake_bus *bus);
	struct ivsh_pci_windows windows;
	int result;
	uint8_t next_bus; /* afterwards */
	unsigned devices; /* that have all addresses afterwards */
	uint64_t high;    /* taken from the high window */
} rows[] = {
    {"root", machine_root_small, {VIRT_LOW, VIRT_HIGH, 1}, 0, 1, 1, 4 * MIB},
    {"root, no high window", machine_root_small, {VIRT_LOW, NOTHING, 1}, 0, 1, 1, 0},
    {"root, exactly enough", machine_root_small,
	{{0xc0000000, 0xc0001100}, {4 * GIB, 4 * GIB + 4 * MIB}, 1}, 0, 1, 1, 4 * MIB},
    {"root, window from 0", machine_root_small, {{0, 0x10000000}, NOTHING, 1}, 0, 1, 1, 0},
    {"root, 64 GiB", machine_root_64g, {VIRT_LOW, VIRT_HIGH, 1}, 0, 1, 1, 64 * GIB},
    {"root, 64 GiB at the very end", machine_root_64g,
	{VIRT_LOW, {UINT64_MAX - 128 * GIB, UINT64_MAX}, 1}, 0, 1, 1, 64 * GIB + 1},
    {"root, 64 GiB, no high window", machine_root_64g, {VIRT_LOW, NOTHING, 1}, IVSH_ENOSPC, 1, 0,
	0},
    {"root, three", machine_root_three, {VIRT_LOW, NOTHING, 1}, 0, 1, 3, 0},
    {"root, three, one too many", machine_root_three, {{0x10000000, 0x20000000}, NOTHING, 1},
	IVSH_ENOSPC, 1, 1, 0},
    {"root, no low window", machine_root_small, {NOTHING, VIRT_HIGH, 1}, IVSH_ENOSPC, 1, 0,
	4 * MIB},
    {"bridge", machine_one_bridge, {VIRT_LOW, VIRT_HIGH, 1}, 0, 2, 2, 128 * MIB},
    {"bridge, no high window", machine_one_bridge, {VIRT_LOW, NOTHING, 1}, 0, 2, 2, 0},
    {"bridge, 32 bits only", machine_one_bridge_32, {VIRT_LOW, VIRT_HIGH, 1}, 0, 2, 1, 0},
    {"bridge, misaligned windows", machine_one_bridge,
	{{0x10000100, 0x18080100}, {4 * GIB + 256, 8 * GIB + 256}, 9}, 0, 10, 2, 128 * MIB - 256},
    {"bridge, less than a megabyte", machine_one_bridge,
	{{0x10000100, 0x10200000 - 1}, VIRT_HIGH, 1}, IVSH_ENOSPC, 2, 0, 4 * MIB},
    {"bridge, no numbers", machine_one_bridge, {VIRT_LOW, VIRT_HIGH, 0}, IVSH_ENOSPC, 0, 0, 0},
    {"bridge, last number", machine_one_bridge, {VIRT_LOW, VIRT_HIGH, 255}, 0, 0, 2, 128 * MIB},
    {"nested", machine_nested, {VIRT_LOW, VIRT_HIGH, 1}, 0, 3, 3, 32 * MIB},
    {"nested, no high window", machine_nested, {VIRT_LOW, NOTHING, 1}, 0, 3, 3, 0},
    {"nested, one number", machine_nested, {VIRT_LOW, VIRT_HIGH, 255}, IVSH_ENOSPC, 255, 0, 0},
    {"eight bridges", machine_chain_8, {VIRT_LOW, VIRT_HIGH, 1}, 0, 9, 1, MIB},
    {"nine bridges", machine_chain_9, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_EPROTO, 1, 0, 0},
    {"nine bridges to nothing", machine_chain_9_empty, {VIRT_LOW, VIRT_HIGH, 1}, 0, 2, 2,
	128 * MIB},
    {"nine bridges to nothing, numbered", machine_chain_9_numbered, {VIRT_LOW, VIRT_HIGH, 1}, 0, 11,
	2, 128 * MIB},
    {"forty bridges", machine_chain_40, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_EPROTO, 1, 0, 0},
    {"two roots", machine_two_roots, {VIRT_LOW, VIRT_HIGH, 1}, 0, 2, 2, 4 * MIB},
    {"two roots, done by firmware", machine_two_roots_done, {VIRT_LOW, VIRT_HIGH, 1}, 0, 1, 1, 0},
    {"a root without a second host bridge", machine_root_unannounced, {VIRT_LOW, VIRT_HIGH, 1}, 0,
	1, 1, 4 * MIB},
    {"a root right behind another", machine_roots_close, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_ENOSPC, 1,
	0, 0},
    {"done by firmware", machine_done_already, {VIRT_LOW, VIRT_HIGH, 1}, 0, 8, 1, 0},
    {"two behind a bridge, beside a gap for one", machine_gap, {VIRT_LOW, VIRT_HIGH, 1}, 0, 2, 3,
	2 * GIB},
    {"BAR2 at 0", machine_bar2_missing, {VIRT_LOW, VIRT_HIGH, 1}, 0, 1, 1, 4 * MIB},
    {"hot-plugged", machine_hot_plugged, {VIRT_LOW, NOTHING, 1}, 0, 6, 1, 0},
    {"hot-plugged, high window", machine_hot_plugged, {VIRT_LOW, VIRT_HIGH, 1}, 0, 6, 1, 4 * MIB},
    {"hot-plugged, unknown room", machine_hot_plugged_blind, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_ENOSPC,
	6, 0, 0},
    {"some numbers", machine_some_numbers, {VIRT_LOW, VIRT_HIGH, 1}, 0, 8, 2, 2 * MIB},
    {"no number inside", machine_no_number_left, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_ENOSPC, 2, 0, 0},
    {"liars", machine_liars, {VIRT_LOW, VIRT_HIGH, 1}, 0, 1, 1, MIB},
    {"BAR does not keep its address", machine_stuck_bar, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_EPROTO, 1,
	0, 0},
    {"256 bridges to nowhere", machine_many_bridges, {VIRT_LOW, VIRT_HIGH, 1}, IVSH_EPROTO, 1, 0,
	0},
    {"low ends above 4 GiB", machine_root_small, {{0x10000000, 4 * GIB + 1}, NOTHING, 1},
	IVSH_EINVAL, 1, 0, 0},
    {"low ends early", machine_root_small, {{0x10000000, 0x0fffffff}, NOTHING, 1}, IVSH_EINVAL, 1,
	0, 0},
    {"high ends early", machine_root_small, {VIRT_LOW, {8 * GIB, 4 * GIB}, 1}, IVSH_EINVAL, 1, 0,
	0},
};

/* --- What must hold --------------------------------------------------------------------------- */

static bool is_bridge(int index)
{
	return (bus.function[index].config[3] >> 16 & 0x7f) == 1;
}

static bool is_ivshmem(int index)
{
	return bus.function[index].config[0] == 0x11101af4;
}

/* May ivsh_pci_assign() touch (index): is it an ivshmem device, or a bridge on the way to one? */
static bool concerned(int index)
{
	for (int i = 0; i < bus.count; i++)
		for (int at = i; is_ivshmem(i) && at >= 0; at = bus.function[at].parent)
			if (at == index)
				return true;
	return false;
}

/* Every BAR of this ivshmem device has an address that cycles reach. */
static bool complete(int index)
{
	for (uint32_t bar = 0; bar < 3; bar++) {
		uint64_t size = fake_bar_size(&bus, index, bar);
		uint64_t address = fake_bar_get(&bus, index, bar);

		if (size != 0 && (address == 0 || !fake_reaches(&bus, index, address, size)))
			return false;
	}
	return true;
}

/* An existing address stays, each address is aligned, and no two BARs overlap. */
static void check_bar(int index, uint32_t bar)
{
	uint64_t address = fake_bar_get(&bus, index, bar), size = fake_bar_size(&bus, index, bar);
	uint64_t old = fake_bar_get(&before, index, bar);

	CHECK(old == 0 || old == address);
	CHECK_EQ(address & (size - 1), 0);
	for (int i = 0; i < bus.count; i++) {
		for (uint32_t k = 0; k < 3; k++) {
			uint64_t other = fake_bar_get(&bus, i, k),
				 other_size = fake_bar_size(&bus, i, k);

			if ((i != index || k != bar) && other != 0 && other_size != 0)
				CHECK(address + (size - 1) < other ||
				      other + (other_size - 1) < address);
		}
	}
}

/* The first bus number that no bridge on bus 0 has, if (next) was the first at the start. */
static uint32_t next_bus(uint32_t next)
{
	for (int i = 0; i < bus.count; i++) {
		uint32_t buses = bus.function[i].config[6];
		uint32_t first = buses >> 8 & 0xff, last = buses >> 16 & 0xff;

		if (bus.function[i].parent == FAKE_ROOT && is_bridge(i) && first != 0 &&
		    first <= last && next != 0 && last >= next)
			next = (last + 1) & 0xff;
	}
	return next;
}

/* Bytes from the start of the high window to the end of what BARs and windows have of it. */
static uint64_t high_taken(const struct ivsh_pci_window *high)
{
	uint64_t end = high->next;

	for (int i = 0; i < bus.count; i++) {
		for (uint32_t bar = 0; bar < 6; bar++) {
			uint64_t address = fake_bar_get(&bus, i, bar);
			uint64_t size = fake_bar_size(&bus, i, bar);

			if (size != 0 && address >= end && address < high->end)
				end = address + size;
		}
	}
	return end - high->next;
}

static void check_row(const struct row *row, const struct ivsh_pci_windows *windows)
{
	unsigned devices = 0, all = 0;
	uint32_t function;

	for (int i = 0; i < bus.count; i++) {
		if (!concerned(i))
			CHECK_EQ(memcmp(&bus.function[i], &before.function[i],
				     sizeof(before.function)[i]),
			    0);
		for (uint32_t bar = 0; bar < 3 && is_ivshmem(i); bar++)
			if (fake_bar_get(&bus, i, bar) != 0 && fake_bar_size(&bus, i, bar) != 0)
				check_bar(i, bar);
		all += is_ivshmem(i);
		devices += is_ivshmem(i) && complete(i);
		/* A window at 0, as after reset, would claim the first megabyte. */
		if (bus.function[i].parent >= 0)
			CHECK(!fake_reaches(&bus, i, 0, 1));
	}
	CHECK_EQ(devices, row->devices);
	CHECK_EQ(next_bus(windows->next_bus), row->next_bus);
	CHECK_EQ(high_taken(&windows->high), row->high);
	CHECK_EQ(bus.faults, 0);
	if (row->result != 0)
		return;
	CHECK_EQ(devices, all);
	CHECK_EQ(ivsh_pci_find(&bus.platform, 0x1af4, 0x1110, all - 1, &function), 0);
}

static void assign(void)
{
	for (unsigned i = 0; i < COUNT(rows); i++) {
		test_row(rows[i].name);
		fake_init(&bus);
		rows[i].build(&bus);
		before = bus;
		CHECK_EQ(ivsh_pci_assign(&bus.platform, &rows[i].windows), rows[i].result);
		check_row(&rows[i], &rows[i].windows);
	}
}

/* Assignments stay: a second call changes nothing. */
static void again(void)
{
	for (unsigned i = 0; i < COUNT(rows); i++) {
		if (rows[i].result != 0)
			continue;
		test_row(rows[i].name);
		fake_init(&bus);
		rows[i].build(&bus);
		CHECK_EQ(ivsh_pci_assign(&bus.platform, &rows[i].windows), 0);
		before = bus;
		CHECK_EQ(ivsh_pci_assign(&bus.platform, &rows[i].windows), 0);
		CHECK_EQ(memcmp(bus.function, before.function, sizeof(bus.function)), 0);
	}
}

/* A device that is plugged in after the first call, behind a bridge that the first call set up. */
static void plugged_later(void)
{
	struct ivsh_pci_windows windows = {VIRT_LOW, VIRT_HIGH, 1};
	int device;

	fake_init(&bus);
	machine_nested(&bus);
	CHECK_EQ(ivsh_pci_assign(&bus.platform, &windows), 0);
	device = fake_ivshmem(&bus, 0, 0x08, 4 * MIB, 2); /* into the root port that was empty */
	CHECK_EQ(ivsh_pci_assign(&bus.platform, &windows), 0);
	CHECK(complete(device));
	CHECK_EQ(next_bus(1), 4);
	device = fake_ivshmem(&bus, 2, 0x18, 4 * MIB, 2); /* beside two others: the window grows */
	before = bus;
	CHECK_EQ(ivsh_pci_assign(&bus.platform, &windows), 0);
	CHECK(complete(device));
	for (int i = 0; i < bus.count; i++)
		for (uint32_t bar = 0; bar < 3 && is_ivshmem(i); bar++)
			if (fake_bar_size(&bus, i, bar) != 0)
				check_bar(i, bar);
	/* Behind a bridge with devices in use, between others: it can neither grow nor move. */
	device = fake_ivshmem(&bus, 2, 0x20, 64 * GIB, 2);
	windows.high.end = windows.high.next + 32 * GIB;
	before = bus;
	CHECK_EQ(ivsh_pci_assign(&bus.platform, &windows), IVSH_ENOSPC);
	CHECK_EQ(memcmp(bus.function, before.function, sizeof(bus.function)), 0);
	CHECK_EQ(bus.faults, 0);
}

static void unplug(int device)
{
	for (uint32_t bar = 0; bar < 3; bar++)
		fake_bar_set(&bus, device, bar, 0);
}

/*
 * Two devices are unplugged and plugged in again in turn, 300 times each, in windows that have room
 * for a few of them: the addresses of one are used again, for it or for the other.
 */
static void plugged_again(void)
{
	static const struct ivsh_pci_windows windows = {
	    {0xc0000000, 0xc0010000}, {64 * GIB, 72 * GIB}, 1};
	int device[2];

	fake_init(&bus);
	fake_add(&bus, FAKE_ROOT, 0x00, 0x29c08086, 0);
	device[0] = fake_ivshmem(&bus, FAKE_ROOT, 0x08, GIB, 2);
	device[1] = fake_ivshmem(&bus, FAKE_ROOT, 0x10, GIB, 2);
	CHECK_EQ(ivsh_pci_assign(&bus.platform, &windows), 0);
	for (unsigned round = 0; round < 600; round++) {
		unplug(device[round % 2]);
		NEED_EQ(ivsh_pci_assign(&bus.platform, &windows), 0);
		NEED_EQ(complete(device[0]) && complete(device[1]), 1);
		before = bus;
		for (uint32_t bar = 0; bar < 3; bar++)
			check_bar(device[round % 2], bar);
	}
	CHECK_EQ(bus.faults, 0);
}

int main(void)
{
	static const struct test tests[] = {
	    {"assign", assign},
	    {"again", again},
	    {"plugged in later", plugged_later},
	    {"plugged in again", plugged_again},
	};

	return test_main("device/assign", tests, COUNT(tests));
}
