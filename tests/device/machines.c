/* SPDX-License-Identifier: MIT */
/*
 * machines.c - buses as different machines and firmware leave them.
 */
#include "tests/device/machines.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

void machine_root_small(struct fake_bus *bus)
{
	fake_ivshmem(bus, FAKE_ROOT, 0x08, 4 * MIB, 2);
}

void machine_root_64g(struct fake_bus *bus)
{
	fake_ivshmem(bus, FAKE_ROOT, 0x08, 64 * GIB, 2048);
}

void machine_root_three(struct fake_bus *bus)
{
	fake_ivshmem(bus, FAKE_ROOT, 0x08, 4096, 0);
	fake_ivshmem(bus, FAKE_ROOT, 0x10, 256 * MIB, 1);
	fake_ivshmem(bus, FAKE_ROOT, 0x18, MIB, 128);
}

void machine_one_bridge(struct fake_bus *bus)
{
	int bridge = fake_bridge(bus, FAKE_ROOT, 0x10, true);

	fake_ivshmem(bus, bridge, 0x08, 4 * MIB, 2);
	fake_ivshmem(bus, bridge, 0x10, 64 * MIB, 0);
}

void machine_one_bridge_32(struct fake_bus *bus)
{
	fake_ivshmem(bus, fake_bridge(bus, FAKE_ROOT, 0x10, false), 0x08, 4 * MIB, 2);
}

/* pcie-root-port, pcie-pci-bridge, ivshmem; and an empty port before, and a device beside. */
void machine_nested(struct fake_bus *bus)
{
	int empty = fake_bridge(bus, FAKE_ROOT, 0x08, true);
	int root_port = fake_bridge(bus, FAKE_ROOT, 0x10, true);
	int bridge = fake_bridge(bus, root_port, 0x00, true);

	fake_add(bus, empty, 0x00, 0x10411af4, 0);
	fake_ivshmem(bus, bridge, 0x08, 4 * MIB, 2);
	fake_ivshmem(bus, FAKE_ROOT, 0x18, 16 * MIB, 2);
	fake_ivshmem(bus, bridge, 0x10, 8 * MIB, 2);
}

static void chain(struct fake_bus *bus, unsigned depth)
{
	int at = FAKE_ROOT;

	while (depth-- > 0)
		at = fake_bridge(bus, at, 0x10, true);
	fake_ivshmem(bus, at, 0x08, MIB, 1);
}

void machine_chain_8(struct fake_bus *bus)
{
	chain(bus, 8);
}

void machine_chain_9(struct fake_bus *bus)
{
	chain(bus, 9);
}

/* A device where it can be reached, and nine bridges to nothing before it. */
void machine_chain_9_empty(struct fake_bus *bus)
{
	int at = FAKE_ROOT;

	for (unsigned i = 0; i < 9; i++)
		at = fake_bridge(bus, at, 0x08, true);
	fake_add(bus, at, 0x00, 0x10411af4, 0);
	machine_one_bridge(bus);
}

/* The same, and firmware has numbered the nine. */
void machine_chain_9_numbered(struct fake_bus *bus)
{
	machine_chain_9_empty(bus);
	for (uint32_t i = 0; i < 9; i++)
		fake_bridge_set(bus, (int)i, i, i + 1, 9, 0, 0);
}

/* Deeper than the library probes. */
void machine_chain_40(struct fake_bus *bus)
{
	chain(bus, 40);
}

/* QEMU's pxb-pcie: a host bridge on bus 0, and a root bus of its own. */
static int pxb(struct fake_bus *bus, uint32_t devfn, int number)
{
	int host = fake_add(bus, FAKE_ROOT, devfn, 0x000b1b36, 0);

	bus->function[host].config[2] = 0x06000000;
	return FAKE_ROOT_BUS(number);
}

/* A device behind a bridge of each of two roots, and a root that has none. */
void machine_two_roots(struct fake_bus *bus)
{
	int empty = pxb(bus, 0x20, 250), second = pxb(bus, 0x08, 64);

	fake_add(bus, empty, 0x18, 0x10411af4, 0);
	machine_one_bridge_32(bus);
	fake_ivshmem(bus, fake_bridge(bus, second, 0x08, true), 0x08, 4 * MIB, 2);
}

/* Firmware did it. */
void machine_two_roots_done(struct fake_bus *bus)
{
	int bridge = fake_bridge(bus, pxb(bus, 0x08, 3), 0x00, true);
	int device = fake_ivshmem(bus, bridge, 0x08, 4 * MIB, 0);

	fake_bridge_set(bus, bridge, 3, 4, 4, 0xfe000000, 0xff000000);
	fake_bar_set(bus, device, 0, 0xfe000000);
	fake_bar_set(bus, device, 2, 0xfe400000);
}

/* Bus 0 has no second host bridge that would indicate another root bus. */
void machine_root_unannounced(struct fake_bus *bus)
{
	fake_add(bus, FAKE_ROOT, 0x00, 0x29c08086, 0);
	fake_ivshmem(bus, FAKE_ROOT_BUS(128), 0xf8, 4 * MIB, 2);
}

/* The next root has the number that the bridge would need. */
void machine_roots_close(struct fake_bus *bus)
{
	int second = pxb(bus, 0x08, 2), third = pxb(bus, 0x10, 3);

	fake_add(bus, third, 0x00, 0x10411af4, 0);
	fake_ivshmem(bus, fake_bridge(bus, second, 0x00, true), 0x08, 4 * MIB, 2);
}

/* Firmware gave everything, and put the 64-bit BAR below 4 GiB. */
void machine_done_already(struct fake_bus *bus)
{
	int bridge = fake_bridge(bus, FAKE_ROOT, 0x10, true);
	int device = fake_ivshmem(bus, bridge, 0x08, 4 * MIB, 2);

	fake_bridge_set(bus, bridge, 0, 7, 7, 0xfe000000, 0xff000000);
	fake_bar_set(bus, device, 0, 0xfe000000);
	fake_bar_set(bus, device, 1, 0xfe001000);
	fake_bar_set(bus, device, 2, 0xfe400000);
}

/* A gap of 512 MiB, a device of 512 MiB, and a bridge above two that need more than the gap. */
void machine_gap(struct fake_bus *bus)
{
	int old = fake_ivshmem(bus, FAKE_ROOT, 0x08, 512 * MIB, 0);
	int bridge = fake_bridge(bus, FAKE_ROOT, 0x10, true);

	fake_bar_set(bus, old, 0, 0x10000000);
	fake_bar_set(bus, old, 2, 0x8020000000);
	fake_ivshmem(bus, bridge, 0x08, 4 * MIB, 0);
	fake_ivshmem(bus, bridge, 0x10, 512 * MIB, 0);
}

void machine_bar2_missing(struct fake_bus *bus)
{
	int device = fake_ivshmem(bus, FAKE_ROOT, 0x08, 4 * MIB, 2);

	fake_bar_set(bus, device, 0, 0xfe000000);
	fake_bar_set(bus, device, 1, 0xfe001000);
	bus->function[device].config[1] |= 3;
}

/* Plugged in behind a bridge that firmware set up, beside two that are in use. */
void machine_hot_plugged(struct fake_bus *bus)
{
	int bridge = fake_bridge(bus, FAKE_ROOT, 0x10, true);
	int other = fake_add(bus, bridge, 0x08, 0x10411af4, 0);
	int inner = fake_bridge(bus, bridge, 0x18, true);

	fake_bridge_set(bus, bridge, 0, 3, 5, 0xfe000000, 0xff000000);
	fake_bridge_set(bus, inner, 3, 4, 5, 0xfe200000, 0xfe300000);
	fake_bar(bus, other, 0, 16384, 0);
	fake_bar(bus, other, 1, 64, FAKE_BAR_IO);
	fake_bar_set(bus, other, 0, 0xfe004000);
	fake_bar_set(bus, other, 1, 0xc000);
	bus->function[other].config[1] |= 7;
	fake_ivshmem(bus, bridge, 0x20, 4 * MIB, 2);
}

/* The same, and a neighbour whose BAR cannot be sized: what is free is unknown. */
void machine_hot_plugged_blind(struct fake_bus *bus)
{
	machine_hot_plugged(bus);
	bus->function[1].writable[4] = 0xfff0f000;
	/* Without 64 bits, so that the high window does not help. */
	bus->function[0].config[9] = 0xfff0;
}

/* A bridge without numbers beside one that has 1 to 6, and another inside that. */
void machine_some_numbers(struct fake_bus *bus)
{
	int old = fake_bridge(bus, FAKE_ROOT, 0x10, true);
	int new = fake_bridge(bus, FAKE_ROOT, 0x08, true);
	int inner = fake_bridge(bus, old, 0x10, true);

	fake_bridge_set(bus, old, 0, 1, 6, 0xfe000000, 0xff000000);
	fake_ivshmem(bus, new, 0x08, MIB, 1);
	fake_ivshmem(bus, inner, 0x08, MIB, 1);
}

/* A bridge has numbers for itself only, and another stands behind it. */
void machine_no_number_left(struct fake_bus *bus)
{
	int old = fake_bridge(bus, FAKE_ROOT, 0x10, true);

	fake_bridge_set(bus, old, 0, 1, 1, 0, 0);
	fake_ivshmem(bus, fake_bridge(bus, old, 0x10, true), 0x08, MIB, 1);
}

/* Bridges that keep no numbers, that claim bus 0, and a device that must not suffer from it. */
void machine_liars(struct fake_bus *bus)
{
	int stuck = fake_bridge(bus, FAKE_ROOT, 0x00, true);
	int own = fake_bridge(bus, FAKE_ROOT, 0x08, true);

	bus->function[stuck].writable[6] = 0;
	bus->function[own].writable[6] = 0;
	bus->function[own].config[6] = 0xff0000;
	fake_ivshmem(bus, FAKE_ROOT, 0x10, MIB, 1);
}

void machine_stuck_bar(struct fake_bus *bus)
{
	int device = fake_ivshmem(bus, FAKE_ROOT, 0x10, MIB, 1);

	bus->function[device].forgets = true;
}

void machine_many_bridges(struct fake_bus *bus)
{
	for (uint32_t i = 0; i < 256; i++)
		bus->function[fake_bridge(bus, FAKE_ROOT, i, true)].config[3] |= 0x800000;
}
