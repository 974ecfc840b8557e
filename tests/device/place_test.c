/* SPDX-License-Identifier: MIT */
/*
 * place_test.c - devices that are plugged in and out: no address twice, and windows that follow.
 */
#include "tests/device/fake_platform.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define SIZES 11u /* 1 MiB to 1 GiB */

static struct fake_bus bus, before;
static unsigned lacking; /* devices that did not fit */

/* pc: below 4 GiB less than 1 GiB; above it the last quarter of 40 bits. */
static const struct ivsh_pci_windows pc = {{0xc0000000, 0xfeb00000}, {768 * GIB, 1024 * GIB}, 1};
static const struct ivsh_pci_windows pc_32 = {{0xc0000000, 0xfeb00000}, {0, 0}, 1};

/* --- What must hold --------------------------------------------------------------------------- */

static bool is_bridge(int index)
{
	return (bus.function[index].config[3] >> 16 & 0x7f) == 1;
}

static bool is_ivshmem(int index)
{
	return fake_function_there(&bus, index) && bus.function[index].config[0] == 0x11101af4;
}

/* Resource (what) of function (index): BARs 0 to 5, 6: the ROM, 7 and 8: windows. False: none. */
#define RESOURCES 9u

static bool resource(int index, uint32_t what, uint64_t *start, uint64_t *end)
{
	uint64_t size;

	if (!fake_function_there(&bus, index))
		return false;
	if (what >= 7)
		return is_bridge(index) && fake_window(&bus, index, what - 7, start, end);
	if (what == 6) {
		*start = bus.function[index].config[12] & 0xfffff800;
		size = (uint32_t)(0 - (bus.function[index].writable[12] & 0xfffff800));
		if (is_bridge(index))
			return false;
	} else {
		*start = fake_bar_get(&bus, index, what);
		size = fake_bar_size(&bus, index, what);
		/* The upper half of BAR2 of an ivshmem function is no BAR. */
		if (what > 0 && (bus.function[index].config[4 + what - 1] & 5) == FAKE_BAR_64)
			return false;
	}
	*end = *start + size;
	return *start != 0 && size != 0;
}

/* No two resources on one bus overlap, and each is where it can be reached. */
static void check_resource(int index, uint32_t what)
{
	uint64_t start, end, other_start, other_end;

	if (!resource(index, what, &start, &end))
		return;
	if (what < 6)
		CHECK_EQ(start & (end - start - 1), 0);
	for (int i = 0; i < bus.count; i++)
		for (uint32_t k = 0; k < RESOURCES; k++)
			if ((i != index || k != what) &&
			    bus.function[i].parent == bus.function[index].parent &&
			    resource(i, k, &other_start, &other_end))
				CHECK(end <= other_start || other_end <= start);
}

/* Also: what others have is as it was, and is reached if it was. */
static void check_all(void)
{
	uint64_t start, end;

	for (int i = 0; i < bus.count; i++) {
		for (uint32_t what = 0; what < RESOURCES; what++) {
			check_resource(i, what);
			if (what < 7 && resource(i, what, &start, &end) &&
			    fake_reaches(&before, i, start, end - start))
				CHECK(fake_reaches(&bus, i, start, end - start));
		}
		if (!is_ivshmem(i) && !is_bridge(i))
			CHECK_EQ(
			    memcmp(&bus.function[i], &before.function[i], sizeof(bus.function[i])),
			    0);
	}
	CHECK_EQ(bus.faults, 0);
}

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

/* --- Plugging --------------------------------------------------------------------------------- */

/* The function number of (index), if every bridge above has bus numbers. */
static uint32_t function_of(int index)
{
	int parent = bus.function[index].parent;
	uint32_t number = parent < 0 ? 0 : bus.function[parent].config[6] >> 8 & 0xff;

	return number << 8 | bus.function[index].devfn;
}

/* Is there an address on the root bus for (size) bytes inside (window)? By trying them. */
static bool has_room(const struct ivsh_pci_window *window, uint64_t size)
{
	uint64_t start, end, at = (window->next + size - 1) & ~(size - 1);

	for (int i = 0; i < bus.count && at < window->end; i++) {
		for (uint32_t what = 0; what < RESOURCES; what++) {
			if (bus.function[i].parent != FAKE_ROOT ||
			    !resource(i, what, &start, &end) || end <= at || at + size <= start)
				continue;
			at = (end + size - 1) & ~(size - 1);
			i = -1; /* from the first function again */
			break;
		}
	}
	return at < window->end && size <= window->end - at;
}

/* Plug a device into (parent), and have addresses assigned. -1: it does not fit, and is out. */
static int plug(const struct ivsh_pci_windows *windows, int parent, uint32_t devfn, uint64_t size,
    uint32_t vectors)
{
	int index = fake_ivshmem(&bus, parent, devfn, size, vectors), result;
	struct ivsh_pci_shortage shortage;
	uint32_t function = 0;

	before = bus;
	result =
	    ivsh_pci_assign_added(&bus.platform, windows, function_of(index), &function, &shortage);
	check_all();
	if (result == 0) {
		CHECK_EQ(function, function_of(index));
		CHECK_EQ(shortage.lack, IVSH_PCI_LACKS_NOTHING);
		CHECK(complete(index));
		bus.function[index].config[1] |= 6; /* as ivsh_device_open() */
		return index;
	}
	lacking++;
	CHECK_EQ(result, IVSH_ENOSPC);
	CHECK_EQ(shortage.function, function_of(index));
	CHECK(shortage.reserve >= shortage.size && shortage.size >= 256);
	if (parent == FAKE_ROOT) {
		CHECK(!has_room(&windows->low, shortage.size));
		CHECK(shortage.lack == IVSH_PCI_LACKS_MEMORY ||
		      !has_room(&windows->high, shortage.size));
	}
	fake_function_remove(&bus, index);
	return -1;
}

/* --- Every order of sizes --------------------------------------------------------------------- */

/* What firmware leaves on the root bus: a screen with a ROM, and a device at a window's start. */
static void firmware(uint64_t start, uint64_t size)
{
	int screen, device;

	fake_init(&bus);
	screen = fake_add(&bus, FAKE_ROOT, 0x10, 0x11111234, 0);
	fake_bar(&bus, screen, 0, 16 * MIB, FAKE_BAR_PREFETCH);
	fake_bar_set(&bus, screen, 0, 0xf0000000);
	fake_bar(&bus, screen, 2, 4096, 0);
	fake_bar_set(&bus, screen, 2, 0xfeaf0000);
	fake_rom(&bus, screen, 65536, 0xfeae0000);
	bus.function[screen].config[1] |= 3;
	device = fake_ivshmem(&bus, FAKE_ROOT, 0x20, size, 2);
	fake_bar_set(&bus, device, 2, start);
	fake_bar_set(&bus, device, 1, 0xfeaf1000);
	fake_bar_set(&bus, device, 0, 0xfeaf2000);
	bus.function[device].config[1] |= 7;
}

/*
 * Three devices in this order of sizes beside the one that firmware placed; the middle one is
 * unplugged and comes again behind them, so that its addresses are used again.
 */
static void order(const struct ivsh_pci_windows *windows, uint64_t start, const uint32_t *size)
{
	int device[3];

	firmware(start, MIB << size[3]);
	for (uint32_t i = 0; i < 3; i++)
		device[i] = plug(windows, FAKE_ROOT, (i + 6) << 3, MIB << size[i], i);
	if (device[1] < 0)
		return;
	fake_function_remove(&bus, device[1]);
	(void)plug(windows, FAKE_ROOT, 0x48, MIB << size[0], 0);
	/* As large as what has left, or smaller: its place is there, or a better one. */
	if (size[0] > size[1])
		CHECK(plug(windows, FAKE_ROOT, 0x50, MIB << size[1], 1) >= 0 || windows != &pc);
}

/*
 * All orders of three sizes of eleven, with each size at the start. Without IVSH_SOAK fewer: each
 * third or fifth, as the emulators of other processors run this too.
 */
static void orders(void)
{
	uint32_t step = getenv("IVSH_SOAK") ? 1 : 3, first = step == 1 ? 1 : 5, size[4];

	for (size[3] = 0; size[3] < SIZES; size[3] += first)
		for (size[0] = size[3] % step; size[0] < SIZES; size[0] += step)
			for (size[1] = 0; size[1] < SIZES; size[1] += first)
				for (size[2] = size[1] % step; size[2] < SIZES; size[2] += step) {
					order(&pc, 768 * GIB, size);
					if (size[3] < SIZES - 1)
						order(&pc_32, 0xc0000000, size);
				}
	CHECK(lacking > 0);
}

/* --- Ports ------------------------------------------------------------------------------------ */

/* As SeaBIOS leaves ports that are empty: 2 MiB of each kind, side by side. */
static int port(uint32_t devfn, uint32_t number)
{
	int index = fake_bridge(&bus, FAKE_ROOT, devfn, true);
	uint32_t start = 0xfe000000 - number * 0x400000;

	fake_bridge_set(&bus, index, 0, number, number + 1, start, start + 0x200000);
	start += 0x200000;
	bus.function[index].config[9] = (start >> 16 & 0xfff0) | (start + 0x100000) | 0x10001;
	return index;
}

/* Whatever was there: an empty port takes a device of each size, and again after others. */
static void empty_port(void)
{
	uint64_t start, end;
	int first, second, bridge, device[3];

	for (uint32_t size = 0; size < SIZES; size++) {
		firmware(768 * GIB, GIB);
		first = port(0x28, 1);
		second = port(0x30, 3);
		bridge = fake_bridge(&bus, second, 0, true);
		fake_bridge_set(&bus, bridge, 3, 4, 4, 0xfe000000 - 3 * 0x400000,
		    0xfe000000 - 3 * 0x400000 + 0x100000);
		for (uint32_t round = 0; round < 4; round++) {
			uint64_t bytes = MIB << (size + round * 5) % SIZES;

			device[0] = plug(&pc, first, 0, bytes, 2);
			device[1] = plug(&pc, bridge, 0x08, bytes, 2);
			NEED_EQ(device[0] >= 0 && device[1] >= 0, 1);
			/* A second one behind the bridge: its window grows. */
			device[2] = plug(&pc, bridge, 0x10, MIB << size, 0);
			NEED_EQ(device[2] >= 0, 1);
			CHECK(fake_window(&bus, first, 1, &start, &end));
			for (unsigned i = 0; i < 3; i++)
				fake_function_remove(&bus, device[i]);
		}
	}
}

/* A window that another device uses is not moved, and grows if the neighbours let it. */
static void window_in_use(void)
{
	uint64_t start, end;
	int first, other, device;

	firmware(768 * GIB, GIB);
	first = port(0x28, 1); /* free behind it up to 0xfe000000: nothing */
	other = fake_add(&bus, first, 0x08, 0x11111234, 0);
	fake_bar(&bus, other, 2, MIB, FAKE_BAR_64 | FAKE_BAR_PREFETCH);
	fake_bar_set(&bus, other, 2, 0xfde00000);
	bus.function[other].config[1] |= 6;
	device = plug(&pc, first, 0x10, 4 * MIB, 0);
	NEED_EQ(device >= 0, 1);
	CHECK(fake_window(&bus, first, 1, &start, &end));
	CHECK(start == 0xfde00000 && end == 0xfe400000);
	CHECK_EQ(fake_bar_get(&bus, device, 2), 0xfe000000);
	fake_function_remove(&bus, device);
	/* No room beside it: what does not fit is named, with its port and a size that helps. */
	lacking = 0;
	CHECK_EQ(plug(&pc, first, 0x10, GIB, 0), -1);
	CHECK_EQ(lacking, 1);
}

static void neighbour(uint32_t devfn, uint32_t address)
{
	int index = fake_add(&bus, FAKE_ROOT, devfn, 0x11111234, 0);

	fake_bar(&bus, index, 0, 4096, 0);
	fake_bar_set(&bus, index, 0, address);
}

/* The megabyte beside a window is not free if a neighbour has a part of it. */
static void neighbours(void)
{
	int bridge, other, device;

	firmware(768 * GIB, GIB);
	bridge = fake_bridge(&bus, FAKE_ROOT, 0x28, true);
	fake_bridge_set(&bus, bridge, 0, 1, 1, 0xfd400000, 0xfd600000);
	other = fake_add(&bus, bridge, 0x08, 0x11111234, 0);
	fake_bar(&bus, other, 0, 2 * MIB, 0); /* all of the window */
	fake_bar_set(&bus, other, 0, 0xfd400000);
	bus.function[other].config[1] |= 6;
	neighbour(0x58, 0xfd680000);
	device = plug(&pc, bridge, 0x10, MIB, 0);
	NEED_EQ(device >= 0, 1);
	CHECK_EQ(fake_bar_get(&bus, device, 0), 0xfd3fff00); /* below */
	fake_function_remove(&bus, device);
	fake_bridge_set(&bus, bridge, 0, 1, 1, 0xfd400000, 0xfd600000);
	neighbour(0x60, 0xfd378000);
	CHECK_EQ(plug(&pc, bridge, 0x10, MIB, 0), -1);
}

/* An expansion ROM has its addresses also while it is not enabled. */
static void rom(void)
{
	static const struct ivsh_pci_windows small = {{0xfe000000, 0xfe900000}, {0, 0}, 1};
	int index, device;

	fake_init(&bus);
	index = fake_add(&bus, FAKE_ROOT, 0x10, 0x11111234, 0);
	fake_rom(&bus, index, 65536, 0xfe010000);
	bus.function[index].config[1] |= 3;
	device = plug(&small, FAKE_ROOT, 0x18, 4 * MIB, 2);
	NEED_EQ(device >= 0, 1);
	CHECK_EQ(fake_bar_get(&bus, device, 2), 0xfe400000);
	CHECK_EQ(plug(&small, FAKE_ROOT, 0x20, 4 * MIB, 2), -1);
}

/*
 * A BAR behind a closed window is unreachable, but is at an address all the same: a window that
 * opens there would let it decode.
 */
static void unreachable_bar(void)
{
	int first, other, device;

	firmware(768 * GIB, GIB);
	first = port(0x28, 1);
	bus.function[first].config[9] = 0x0001fff1; /* closed */
	other = fake_add(&bus, first, 0x08, 0x11111234, 0);
	fake_bar(&bus, other, 2, 4 * MIB, FAKE_BAR_64 | FAKE_BAR_PREFETCH);
	fake_bar_set(&bus, other, 2, 769 * GIB); /* where the largest gap starts */
	bus.function[other].config[1] |= 6;
	device = plug(&pc, first, 0x10, 4 * MIB, 0);
	NEED_EQ(device >= 0, 1);
	CHECK(fake_bar_get(&bus, device, 2) != 769 * GIB);
	CHECK(!fake_reaches(&bus, other, 769 * GIB, 4 * MIB));
}

/* --- Random sequences ------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t end)
{
	static uint32_t state = 12345;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % end;
}

#define PLACES 7

/* Parents and device numbers of a machine with two ports, one with a bridge behind it. */
static void machine(int *parent, uint32_t *devfn)
{
	int bridge, second;

	firmware(random_below(2) ? 768 * GIB : 0xc0000000, MIB << random_below(SIZES - 1));
	parent[0] = parent[1] = FAKE_ROOT;
	parent[2] = port(0x28, 1);
	second = port(0x30, 3);
	bridge = fake_bridge(&bus, second, 0, true);
	fake_bridge_set(&bus, bridge, 3, 4, 4, 0, 0);
	parent[3] = parent[4] = parent[5] = bridge;
	parent[6] = port(0x38, 6);
	for (uint32_t i = 0; i < PLACES; i++)
		devfn[i] = parent[i] == FAKE_ROOT || parent[i] == bridge ? (i + 8) << 3 : 0;
}

static void sequences(void)
{
	unsigned rounds = getenv("IVSH_SOAK") ? 2000 : 25, plugged = 0;
	int parent[PLACES], device[PLACES];
	uint32_t devfn[PLACES];

	lacking = 0;
	for (unsigned round = 0; round < rounds; round++) {
		const struct ivsh_pci_windows *windows = random_below(4) ? &pc : &pc_32;

		machine(parent, devfn);
		memset(device, 0xff, sizeof(device)); /* -1: empty */
		for (unsigned step = 0; step < 30; step++) {
			uint32_t at = random_below(PLACES);

			if (device[at] >= 0) {
				fake_function_remove(&bus, device[at]);
				device[at] = -1;
				continue;
			}
			device[at] = plug(windows, parent[at], devfn[at],
			    MIB << random_below(SIZES), random_below(3));
			plugged += device[at] >= 0;
		}
	}
	CHECK(plugged > rounds * 8);
	CHECK(lacking < plugged);
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* The port is enough, also without bus numbers; what is not there is said. */
static void named(void)
{
	struct ivsh_pci_shortage shortage;
	uint32_t function = 77;
	int first, second, device;

	firmware(768 * GIB, GIB);
	first = fake_bridge(&bus, FAKE_ROOT, 0x28, true);
	second = fake_bridge(&bus, FAKE_ROOT, 0x30, true);
	before = bus;
	CHECK_EQ(
	    ivsh_pci_assign_added(&bus.platform, &pc, 0x28, &function, &shortage), IVSH_ENODEV);
	CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &pc, 0x60, &function, NULL), IVSH_ENODEV);
	CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &pc, 0x100, &function, NULL), IVSH_ENODEV);
	CHECK_EQ(
	    ivsh_pci_assign_added(&bus.platform, &pc, UINT32_MAX, &function, NULL), IVSH_ENODEV);
	CHECK_EQ(function, 77);
	/* Other bridges got no numbers, not even meanwhile: only the first call writes. */
	CHECK_EQ(bus.writes - before.writes, 4);
	CHECK_EQ(memcmp(bus.function, before.function, sizeof(bus.function)), 0);
	device = fake_ivshmem(&bus, first, 0, 16 * MIB, 2);
	(void)fake_ivshmem(&bus, second, 0, 16 * MIB, 2);
	CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &pc, 0x28, &function, &shortage), 0);
	CHECK_EQ(function, function_of(device));
	CHECK(complete(device));
	/* The one behind the other port was not meant. */
	CHECK_EQ(
	    memcmp(&bus.function[second], &before.function[second], sizeof(bus.function[0])), 0);
}

/* What the caller prints: the port and the number for pref64-reserve. */
static void lacks(void)
{
	static const struct ivsh_pci_windows nothing = {{0, 0}, {0, 0}, 1};
	struct ivsh_pci_shortage shortage;
	uint32_t function;
	int first, bridge;

	firmware(768 * GIB, GIB);
	first = port(0x28, 1);
	(void)fake_ivshmem(&bus, first, 0, 8 * MIB, 2);
	CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &nothing, 0x28, &function, &shortage),
	    IVSH_ENOSPC);
	CHECK_EQ(shortage.lack, IVSH_PCI_LACKS_PREFETCH);
	CHECK_EQ(shortage.function, 0x100);
	CHECK_EQ(shortage.port, 0x28);
	CHECK_EQ(shortage.size, 8 * MIB);
	CHECK_EQ(shortage.reserve, 16 * MIB);
	/* With as much, wherever that starts, it fits, though the root bus has nothing to give. */
	for (uint32_t start = 0; start < 16; start++) {
		uint32_t first_mib = 0x100 + start, last_mib = 0x100 + start + 15;

		firmware(768 * GIB, GIB);
		first = port(0x28, 1);
		bus.function[first].config[9] = first_mib << 4 | last_mib << 20 | 0x10001;
		bus.function[first].config[10] = bus.function[first].config[11] = 9;
		bridge = fake_ivshmem(&bus, first, 0, 8 * MIB, 2);
		CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &nothing, 0x28, &function, NULL), 0);
		CHECK(complete(bridge));
	}
	/* A bridge behind the port whose only bus number is its own. */
	firmware(768 * GIB, GIB);
	first = port(0x28, 1);
	bus.function[first].config[6] = 0x010100;
	bridge = fake_bridge(&bus, first, 0, true);
	(void)fake_ivshmem(&bus, bridge, 0x08, 8 * MIB, 2);
	CHECK_EQ(
	    ivsh_pci_assign_added(&bus.platform, &pc, 0x28, &function, &shortage), IVSH_ENOSPC);
	CHECK_EQ(shortage.lack, IVSH_PCI_LACKS_BUS);
	CHECK_EQ(shortage.function, 0x100);
	CHECK_EQ(shortage.port, 0x28);
	CHECK_EQ(shortage.reserve, 1);
}

/* An empty port with a slot gets a bus number; one without a slot does not. */
static void slots(void)
{
	int first, second, device;
	uint32_t function;

	fake_init(&bus);
	first = fake_bridge(&bus, FAKE_ROOT, 0x08, true);
	second = fake_bridge(&bus, FAKE_ROOT, 0x10, true);
	bus.function[second].config[1] |= 1u << 20;
	bus.function[second].config[13] = 0x40;
	bus.function[second].config[16] = 0x01420010; /* PCI Express, a port with a slot */
	bus.function[second].config[21] = 0x60;       /* hot-plug capable */
	(void)!ivsh_pci_assign(&bus.platform, &pc);
	CHECK_EQ(bus.function[first].config[6], 0);
	CHECK_EQ(bus.function[second].config[6], 0x010100);
	CHECK_EQ(bus.function[second].config[1] & 6, 0);
	device = fake_ivshmem(&bus, second, 0, GIB, 2);
	CHECK_EQ(ivsh_pci_assign_added(&bus.platform, &pc, 0x100, &function, NULL), 0);
	CHECK(complete(device));
	CHECK_EQ(bus.faults, 0);
}

int main(void)
{
	static const struct test tests[] = {
	    {"every order of sizes", orders},
	    {"empty ports", empty_port},
	    {"a window in use", window_in_use},
	    {"neighbours", neighbours},
	    {"a ROM", rom},
	    {"an unreachable BAR", unreachable_bar},
	    {"random sequences", sequences},
	    {"which function", named},
	    {"what is missing", lacks},
	    {"slots", slots},
	};

	return test_main("device/place", tests, COUNT(tests));
}
