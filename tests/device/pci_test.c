/* SPDX-License-Identifier: MIT */
/*
 * pci_test.c - finding functions and capabilities, and sizing BARs, on a bus that lies.
 */
#include "tests/device/fake_platform.h"
#include "tests/lib/test.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GIB (UINT64_C(1) << 30)

static struct fake_bus bus;

/* --- Find ------------------------------------------------------------------------------------- */

static void tree_root(void)
{
	fake_add(&bus, FAKE_ROOT, 0x00, 0x29c08086, 0);
	fake_ivshmem(&bus, FAKE_ROOT, 0x20, 4096, 1);
	fake_ivshmem(&bus, FAKE_ROOT, 0xf8, 4096, 0);
}

/* Device 2 has functions 0 and 3; device 3 answers at 1 too, without the multi-function bit. */
static void tree_functions(void)
{
	fake_add(&bus, FAKE_ROOT, 0x10, 0x12345678, 0x80);
	fake_ivshmem(&bus, FAKE_ROOT, 0x13, 4096, 1);
	fake_add(&bus, FAKE_ROOT, 0x18, 0x12345678, 0);
	fake_ivshmem(&bus, FAKE_ROOT, 0x19, 4096, 1);
}

/* A device behind a bridge behind a root port, and one on the root bus with a higher number. */
static void tree_nested(void)
{
	int root_port = fake_bridge(&bus, FAKE_ROOT, 0x10, true);
	int bridge = fake_bridge(&bus, root_port, 0x00, true);

	fake_bridge_set(&bus, root_port, 0, 3, 9, 0, 0);
	fake_bridge_set(&bus, bridge, 3, 4, 4, 0, 0);
	fake_ivshmem(&bus, bridge, 0x08, 4096, 1);
	fake_ivshmem(&bus, FAKE_ROOT, 0x28, 4096, 1);
}

static void tree_unnumbered(void)
{
	fake_ivshmem(&bus, fake_bridge(&bus, FAKE_ROOT, 0x10, true), 0, 4096, 1);
}

/* Bridges that lead to their own bus, back to the root, below themselves, and twice to one bus. */
static void tree_loops(void)
{
	static const uint8_t numbers[][3] = {
	    {0, 5, 6}, {0, 1, 0}, {0, 5, 5}, {0, 5, 255}, {0, 0, 255}};

	for (uint32_t i = 0; i < COUNT(numbers); i++) {
		int bridge = fake_bridge(&bus, FAKE_ROOT, i << 3, true);

		fake_bridge_set(&bus, bridge, numbers[i][0], numbers[i][1], numbers[i][2], 0, 0);
	}
	fake_bridge_set(&bus, fake_bridge(&bus, 0, 0x00, true), 5, 5, 9, 0, 0);
	fake_bridge_set(&bus, fake_bridge(&bus, 0, 0x08, true), 5, 0, 9, 0, 0);
	fake_ivshmem(&bus, 0, 0x10, 4096, 1);
}

/* Bus 0 has a second host bridge: root 64, with a device of its own and one behind a bridge. */
static void tree_roots(void)
{
	int host = fake_add(&bus, FAKE_ROOT, 0x10, 0x000b1b36, 0), bridge;

	bus.function[host].config[2] = 0x06000000;
	fake_ivshmem(&bus, FAKE_ROOT, 0x08, 4096, 1);
	bridge = fake_bridge(&bus, FAKE_ROOT_BUS(64), 0x08, true);
	fake_bridge_set(&bus, bridge, 64, 65, 70, 0, 0);
	fake_ivshmem(&bus, bridge, 0x00, 4096, 1);
	fake_ivshmem(&bus, FAKE_ROOT_BUS(64), 0xf9, 4096, 1);
	fake_add(&bus, FAKE_ROOT_BUS(64), 0xf8, 0x12345678, 0x80);
}

/* Bus 0 has no second host bridge that would indicate root bus 255. */
static void tree_unannounced(void)
{
	fake_add(&bus, FAKE_ROOT, 0x00, 0x29c08086, 0);
	fake_ivshmem(&bus, FAKE_ROOT_BUS(255), 0xf8, 4096, 1);
}

static const struct find_row {
	const char *name;
	void (*build)(void);
	uint32_t index;
	int result;
	uint32_t function;
} find_rows[] = {
    {"root, first", tree_root, 0, 0, IVSH_PCI_FUNCTION(0, 4, 0)},
    {"root, second", tree_root, 1, 0, IVSH_PCI_FUNCTION(0, 31, 0)},
    {"root, third", tree_root, 2, IVSH_ENODEV, 0},
    {"root, huge index", tree_root, 0xffffffff, IVSH_ENODEV, 0},
    {"functions, first", tree_functions, 0, 0, IVSH_PCI_FUNCTION(0, 2, 3)},
    {"functions, hidden", tree_functions, 1, IVSH_ENODEV, 0},
    {"nested, first", tree_nested, 0, 0, IVSH_PCI_FUNCTION(0, 5, 0)},
    {"nested, second", tree_nested, 1, 0, IVSH_PCI_FUNCTION(4, 1, 0)},
    {"nested, third", tree_nested, 2, IVSH_ENODEV, 0},
    {"roots, first", tree_roots, 0, 0, IVSH_PCI_FUNCTION(0, 1, 0)},
    {"roots, second", tree_roots, 1, 0, IVSH_PCI_FUNCTION(64, 31, 1)},
    {"roots, third", tree_roots, 2, 0, IVSH_PCI_FUNCTION(65, 0, 0)},
    {"roots, fourth", tree_roots, 3, IVSH_ENODEV, 0},
    {"root not announced", tree_unannounced, 0, 0, IVSH_PCI_FUNCTION(255, 31, 0)},
    {"bridge without numbers", tree_unnumbered, 0, IVSH_ENODEV, 0},
    {"loops, first", tree_loops, 0, 0, IVSH_PCI_FUNCTION(5, 2, 0)},
    {"loops, second", tree_loops, 1, IVSH_ENODEV, 0},
};

static void find(void)
{
	for (unsigned i = 0; i < COUNT(find_rows); i++) {
		const struct find_row *row = &find_rows[i];
		uint32_t function = 0;

		test_row(row->name);
		fake_init(&bus);
		row->build();
		CHECK_EQ(ivsh_pci_find(&bus.platform, 0x1af4, 0x1110, row->index, &function),
		    row->result);
		CHECK_EQ(function, row->function);
		CHECK_EQ(bus.writes, 0);
		CHECK_EQ(bus.faults, 0);
	}
}

/* A platform with a list(): functions on other root buses, in another segment. */
static const uint32_t listed[] = {IVSH_PCI_FUNCTION(0, 0, 0), IVSH_PCI_FUNCTION(0, 5, 0),
    IVSH_PCI_FUNCTION(0x81, 0, 0), 0x10000 | IVSH_PCI_FUNCTION(3, 2, 1)};

static int list_some(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	if (index >= COUNT(listed))
		return -1;
	*function = listed[index];
	return 0;
}

static uint32_t read_listed(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	for (unsigned i = 1; i < COUNT(listed); i++)
		if (function == listed[i] && offset == 0)
			return 0x11101af4;
	return function == listed[0] && offset == 0 ? 0x12378086 : 0xffffffff;
}

/* A list that never ends, without the device. */
static int list_for_ever(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx, (void)index;
	*function = listed[0];
	return 0;
}

static void find_listed(void)
{
	struct ivsh_platform platform = {.list = list_some, .config_read = read_listed};
	uint32_t function;

	for (uint32_t i = 0; i + 1 < COUNT(listed); i++) {
		NEED_EQ(ivsh_pci_find(&platform, 0x1af4, 0x1110, i, &function), 0);
		CHECK_EQ(function, listed[i + 1]);
	}
	CHECK_EQ(ivsh_pci_find(&platform, 0x1af4, 0x1110, 3, &function), IVSH_ENODEV);
	platform.list = list_for_ever;
	CHECK_EQ(ivsh_pci_find(&platform, 0x1af4, 0x1110, 0, &function), IVSH_ENODEV);
}

/* On a machine with one root bus the search does not read the other buses. */
static void find_costs(void)
{
	uint32_t function;

	fake_init(&bus);
	tree_root();
	CHECK_EQ(ivsh_pci_find(&bus.platform, 0x1af4, 0x1110, 1, &function), 0);
	CHECK(bus.reads <= 32 + 2 * 3);
	bus.reads = 0;
	CHECK_EQ(ivsh_pci_find(&bus.platform, 0x1af4, 0x1110, 2, &function), IVSH_ENODEV);
	CHECK(bus.reads <= 32 + 2 * 3);
	fake_init(&bus);
	CHECK_EQ(ivsh_pci_find(&bus.platform, 0x1af4, 0x1110, 0, &function), IVSH_ENODEV);
	CHECK(bus.reads <= 256 * 32);
}

/* --- Capabilities ----------------------------------------------------------------------------- */

static const struct capability_row {
	const char *name;
	uint32_t header, status, first;
	struct {
		uint8_t at;
		uint32_t word;
	} link[3];
	int result;
	uint32_t offset;
} capability_rows[] = {
    {"first", 0, 1, 0x40, {{0x40, 0x11}}, 0, 0x40},
    {"third", 0, 1, 0x80, {{0x80, 0x5005}, {0x50, 0xf810}, {0xf8, 0x11}}, 0, 0xf8},
    {"in a bridge", 1, 1, 0x40, {{0x40, 0x11}}, 0, 0x40},
    {"low bits are reserved", 0, 1, 0x43, {{0x40, 0x5305}, {0x50, 0x11}}, 0, 0x50},
    {"none", 0, 1, 0x40, {{0x40, 0x05}}, IVSH_ENODEV, 0},
    {"no list", 0, 0, 0x40, {{0x40, 0x11}}, IVSH_ENODEV, 0},
    {"empty list", 0, 1, 0, {{0}}, IVSH_ENODEV, 0},
    {"another header", 2, 1, 0x40, {{0x40, 0x11}}, IVSH_ENODEV, 0},
    {"into the header", 0, 1, 0x3c, {{0}}, IVSH_EPROTO, 0},
    {"back into the header", 0, 1, 0x40, {{0x40, 0x0405}}, IVSH_EPROTO, 0},
    {"loop of one", 0, 1, 0x40, {{0x40, 0x4005}}, IVSH_EPROTO, 0},
    {"loop of two", 0, 1, 0x40, {{0x40, 0x5005}, {0x50, 0x4010}}, IVSH_EPROTO, 0},
    {"leads to all ones", 0, 1, 0x40, {{0x40, 0xfc05}, {0xfc, 0xffffffff}}, IVSH_EPROTO, 0},
};

static void capability(void)
{
	for (unsigned i = 0; i < COUNT(capability_rows); i++) {
		const struct capability_row *row = &capability_rows[i];
		uint32_t *config, offset = 0;

		test_row(row->name);
		fake_init(&bus);
		config = bus.function[fake_add(&bus, FAKE_ROOT, 0, 0x11101af4, row->header)].config;
		config[1] |= row->status << 20;
		config[13] = row->first;
		for (unsigned k = 0; k < COUNT(row->link) && row->link[k].at; k++)
			config[row->link[k].at / 4] = row->link[k].word;
		CHECK_EQ(ivsh_pci_capability(&bus.platform, 0, 0x11, &offset), row->result);
		CHECK_EQ(offset, row->offset);
		CHECK(bus.reads < 60);
	}
}

/* The longest valid list: 48 links, the last one matches. And an absent function. */
static void capability_edges(void)
{
	uint32_t *config, offset = 0;

	fake_init(&bus);
	config = bus.function[fake_add(&bus, FAKE_ROOT, 0, 0x11101af4, 0)].config;
	config[1] |= 1u << 20;
	config[13] = 0x40;
	for (uint32_t at = 0x40; at < 0xfc; at += 4)
		config[at / 4] = (at + 4) << 8 | 0x05;
	config[0xfc / 4] = 0x11;
	CHECK_EQ(ivsh_pci_capability(&bus.platform, 0, 0x11, &offset), 0);
	CHECK_EQ(offset, 0xfc);
	CHECK_EQ(ivsh_pci_capability(&bus.platform, 8, 0x11, &offset), IVSH_ENODEV);
}

/* --- BARs ------------------------------------------------------------------------------------- */

static const struct bar_row {
	const char *name;
	uint32_t header, bar;
	uint32_t config[2], writable[2]; /* the register and the next */
	int result;
	struct ivsh_bar want;
} bar_rows[] = {
    {"256 bytes", 0, 0, {0xfebf1000}, {0xffffff00}, 0, {0xfebf1000, 256, 0, 0, 0}},
    {"unassigned", 0, 0, {0}, {0xffffff00}, 0, {0, 256, 0, 0, 0}},
    {"2 GiB of 32 bits", 0, 5, {0x80000008}, {0x80000000}, 0, {2 * GIB, 2 * GIB, 0, 0, 1}},
    {"4 MiB of 64 bits", 0, 2, {0x0000000c, 0x8}, {0xffc00000, 0xffffffff}, 0,
	{32 * GIB, 4 << 20, 0, 1, 1}},
    {"4 GiB", 0, 2, {0xc, 0x8}, {0, 0xffffffff}, 0, {32 * GIB, 4 * GIB, 0, 1, 1}},
    {"64 GiB, unassigned", 0, 2, {0xc}, {0, 0xfffffff0}, 0, {0, 64 * GIB, 0, 1, 1}},
    {"half of everything", 0, 4, {0x4}, {0, 0x80000000}, 0, {0, UINT64_C(1) << 63, 0, 1, 0}},
    {"I/O", 0, 1, {0xc001}, {0xfffffffc}, 0, {0xc000, 4, 1, 0, 0}},
    {"I/O of 16 bits", 0, 1, {0xc001}, {0xffe0}, 0, {0xc000, 32, 1, 0, 0}},
    {"not implemented", 0, 3, {0}, {0}, 0, {0, 0, 0, 0, 0}},
    {"a bridge's second", 1, 1, {0xfe000000}, {0xfffff000}, 0, {0xfe000000, 4096, 0, 0, 0}},
    {"a bridge's third", 1, 2, {0}, {0xffffffff}, IVSH_EINVAL, {0}},
    {"the seventh", 0, 6, {0}, {0}, IVSH_EINVAL, {0}},
    {"far out", 0, 0x3fffffff, {0}, {0}, IVSH_EINVAL, {0}},
    {"a header without BARs", 3, 0, {0}, {0xffffff00}, IVSH_ENODEV, {0}},
    {"64 bits in the last", 0, 5, {0x4}, {0xffffff00}, IVSH_EPROTO, {0}},
    {"64 bits in a bridge's last", 1, 1, {0x4}, {0xffffff00}, IVSH_EPROTO, {0}},
    {"type 1", 0, 0, {0x2}, {0xffffff00}, IVSH_EPROTO, {0}},
    {"type 3", 0, 0, {0x6}, {0xffffff00}, IVSH_EPROTO, {0}},
    {"size 0 of 32 bits", 0, 0, {0x8}, {0}, IVSH_EPROTO, {0}},
    {"size 0 of 64 bits", 0, 0, {0xc}, {0}, IVSH_EPROTO, {0}},
    {"size 0 of I/O", 0, 0, {0x1}, {0}, IVSH_EPROTO, {0}},
    {"a hole in the size", 0, 0, {0}, {0xfff0ff00}, IVSH_EPROTO, {0}},
    {"3 MiB", 0, 2, {0xc}, {0xffd00000, 0xffffffff}, IVSH_EPROTO, {0}},
    {"40 bits of 64", 0, 2, {0xc}, {0xfff00000, 0xff}, IVSH_EPROTO, {0}},
    {"changes its type", 0, 0, {0}, {0xffffff04}, IVSH_EPROTO, {0}},
    {"writes don't stick", 0, 0, {0xfebf1000}, {0}, IVSH_EPROTO, {0}},
};

static void bar_put(struct fake_function *at, const struct bar_row *row)
{
	for (uint32_t i = 0; i < 2 && row->bar + i < 7; i++) {
		at->config[4 + row->bar + i] = row->config[i];
		at->writable[4 + row->bar + i] = row->writable[i];
	}
}

static void bars(void)
{
	for (unsigned i = 0; i < COUNT(bar_rows); i++) {
		const struct bar_row *row = &bar_rows[i];
		struct fake_function before, *at;
		struct ivsh_bar bar;
		int result;

		test_row(row->name);
		fake_init(&bus);
		at = &bus.function[fake_add(&bus, FAKE_ROOT, 0x08, 0x11101af4, row->header)];
		bar_put(at, row);
		at->config[1] |= 7;
		before = *at;
		result = ivsh_pci_bar(&bus.platform, 0x08, row->bar, &bar);
		CHECK_EQ(result, row->result);
		CHECK_EQ(memcmp(at, &before, sizeof(before)), 0);
		CHECK_EQ(bus.faults, 0);
		if (row->result != 0 || result != 0)
			continue;
		CHECK_EQ(bar.address, row->want.address);
		CHECK_EQ(bar.size, row->want.size);
		CHECK_EQ(bar.is_io, row->want.is_io);
		CHECK_EQ(bar.is_64, row->want.is_64);
		CHECK_EQ(bar.prefetch, row->want.prefetch);
	}
	test_row(NULL);
	CHECK_EQ(ivsh_pci_bar(&bus.platform, 0x10, 0, &(struct ivsh_bar){0}), IVSH_ENODEV);
}

/* --- Noise ------------------------------------------------------------------------------------ */

/* A bus on which every read of every function answers another number: each call ends soon. */
struct noise {
	uint64_t state;
	unsigned reads;
	bool bridges; /* every function is a bridge in a multi-function device */
};

static uint32_t noise_read(void *ctx, uint32_t function, uint32_t offset)
{
	struct noise *noise = ctx;

	(void)function;
	noise->reads++;
	noise->state ^= noise->state << 13;
	noise->state ^= noise->state >> 7;
	noise->state ^= noise->state << 17;
	if (noise->bridges && offset == 0x0c)
		return 0x00810000;
	return (uint32_t)(noise->state >> 16);
}

static void noise_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	(void)function;
	(void)offset;
	(void)value;
}

static void ends(void)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct noise noise = {seed * 0x9e3779b97f4a7c15u, 0, seed % 2 == 0};
		struct ivsh_platform platform = {
		    .ctx = &noise, .config_read = noise_read, .config_write = noise_write};
		struct ivsh_pci_windows windows = {{1 << 28, 1 << 30}, {4 * GIB, 64 * GIB}, 1};
		struct ivsh_device device;
		uint32_t function;
		struct ivsh_bar bar;

		CHECK_EQ(ivsh_pci_find(&platform, 0x1af4, 0x1110, 9, &function), IVSH_ENODEV);
		CHECK(noise.reads <= 3 * 65536);
		noise.reads = 0;
		CHECK(ivsh_pci_assign(&platform, &windows) <= 0);
		CHECK(noise.reads <= 20u * 65536);
		CHECK(windows.low.next <= windows.low.end && windows.high.next <= windows.high.end);
		for (uint32_t i = 0; i < 1000; i++) {
			CHECK(ivsh_pci_capability(&platform, i, 0x11, &function) <= 0);
			CHECK(ivsh_pci_bar(&platform, i, i % 6, &bar) <= 0);
			CHECK(ivsh_device_open(&device, &platform, i) < 0);
		}
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"find", find},
	    {"find: the platform's list", find_listed},
	    {"find costs", find_costs},
	    {"capability", capability},
	    {"capability: longest list, absent function", capability_edges},
	    {"BAR", bars},
	    {"noise ends", ends},
	};

	return test_main("device/pci", tests, COUNT(tests));
}
