/* SPDX-License-Identifier: MIT */
/*
 * device.c - a device, and bridges above it, whose configuration space is the input; and the
 * devices of a split region, whose headers are.
 */
#include "tests/fuzz/feed.h"
#include "tests/device/machines.h"

#include <ivsh/device.h>
#include <ivsh/region.h>
#include <ivsh/set.h>

#include <string.h>

static struct fake_bus bus;

/* Change a word of a function's configuration space, or which of its bits can be written. */
static void lie(void)
{
	uint8_t how = feed_byte(), word = feed_byte() & 63;
	uint32_t value = (uint32_t)feed_number(4);
	struct fake_function *at = &bus.function[(how >> 2) % (unsigned)bus.count];

	if (how & 1)
		at->writable[word] = value;
	else
		at->config[word] = value;
	at->forgets = (how & 0x83) == 0x82;
}

#define PARTS 6u
#define PART 32768u

/* Store anything into the header of a memory. */
static void forge(uint8_t memory[][PART])
{
	uint8_t *header = memory[feed_byte() % (PARTS + 1)];
	uint64_t value = feed_number(8);

	memcpy(header + (feed_byte() & 0x38), &value, sizeof(value));
}

/* A common memory and parts at any functions: what is said of each is something, and all closes. */
static void set_try(uint8_t how)
{
	static _Alignas(4096) uint8_t memory[PARTS + 1][PART];
	static const struct ivsh_geometry geometry = {4, 16, 1024, 1024, 0};
	struct ivsh_set_device devices[PARTS + 2];
	struct ivsh_mem_part parts[PARTS + 2];
	struct ivsh_set set = {.devices = devices, .parts = parts, .room = how % (PARTS + 3)};
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	struct ivsh_mem mem;
	uint32_t self = 0;

	fake_init(&bus);
	if (ivsh_split_format(memory[0], PART, &geometry, 7, true))
		return;
	for (uint32_t i = 0; i <= PARTS; i++) {
		uint32_t devfn = how & 1 ? IVSH_SET_ADDRESS(0, i) : feed_byte();
		int index =
		    fake_ivshmem(&bus, FAKE_ROOT, devfn, i ? PART : 8192, i || how & 2 ? 0 : 2);

		fake_bar_set(&bus, index, 0, 0xfe000000 + i * 4096);
		if (!i && !(how & 2))
			fake_bar_set(&bus, index, 1, 0xfd000000);
		fake_bar_set(&bus, index, 2, (UINT64_C(1) << 36) + i * PART);
		bus.function[index].config[3] |= 0x800000;
		bus.memory_of[index] = memory[i];
		if (i && ivsh_part_format(memory[i], PART, &geometry, 7, (i - 1) % 4, true))
			return;
	}
	bus.registers[2] = feed_byte() % 8;
	for (unsigned i = feed_byte() % 8; i > 0; i--)
		how & 4 ? forge(memory) : lie();
	if (ivsh_set_open_any(&set, &bus.platform, 0, &mem)) {
		FUZZ_MUST(bus.maps == 0);
		return;
	}
	FUZZ_MUST(mem.part_count <= set.room && mem.parts == parts);
	forge(memory);
	lie();
	(void)!mem.doorbell.recheck(mem.doorbell.ctx, &self);
	(void)!ivsh_region_probe(&region, &mem, &attach);
	for (uint32_t i = 0; i < set.count; i++) {
		enum ivsh_set_reason reason = ivsh_set_reason(&set, i);

		FUZZ_MUST((reason == IVSH_SET_USED) == (parts[i].found != IVSH_SELF_NONE));
		FUZZ_MUST(strcmp(ivsh_set_reason_text(reason), "unknown") != 0);
	}
	ivsh_set_close(&set);
	FUZZ_MUST(bus.maps == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const machines[])(struct fake_bus *) = {machine_root_small, machine_root_64g,
	    machine_root_three, machine_one_bridge, machine_nested, machine_done_already,
	    machine_bar2_missing, machine_chain_8};
	struct ivsh_pci_windows windows = {{0xc0000000, 0xe0000000}, {1ull << 32, 1ull << 40}, 1};
	struct ivsh_pci_shortage shortage;
	struct ivsh_device device;
	struct ivsh_mem mem;
	uint32_t function, offset, self = 0;
	uint8_t how;

	feed_set(data, size);
	fake_init(&bus);
	how = feed_byte();
	if (how & 8) {
		set_try((uint8_t)feed_byte());
		return 0;
	}
	machines[how & 7](&bus);
	how = feed_byte();
	bus.no_table = (how & 0x11) == 0x11;
	bus.no_memory = (how & 0x22) == 0x22;
	bus.misaligned = (how & 0x44) == 0x44;
	bus.registers[2] = feed_byte();
	for (unsigned i = feed_byte() % 32; i > 0; i--)
		lie();
	if (how & 8 && ivsh_pci_assign(&bus.platform, &windows) != 0)
		how |= 8;
	/* One that was plugged in, or a bridge above it. */
	if (ivsh_pci_assign_added(&bus.platform, &windows, (uint32_t)feed_number(2), &function,
		&shortage) == IVSH_ENOSPC)
		FUZZ_MUST(shortage.lack != IVSH_PCI_LACKS_NOTHING && shortage.reserve != 0);
	for (uint32_t index = 0; index < 3; index++) {
		if (ivsh_device_find(&bus.platform, index, &function))
			break;
		(void)!ivsh_pci_capability(&bus.platform, function, feed_byte(), &offset);
		if (ivsh_device_open(&device, &bus.platform, function))
			continue;
		lie();
		if (ivsh_device_interrupts(&device, (uint32_t)feed_number(2) % 2049) == 0) {
			ivsh_device_mem(&device, &mem);
			FUZZ_MUST(mem.base != NULL && mem.size >= IVSH_BAR2_MIN);
			if (mem.doorbell.notify)
				mem.doorbell.notify(mem.doorbell.ctx, (uint32_t)feed_number(4),
				    (uint32_t)feed_number(4));
			lie();
			(void)!mem.doorbell.recheck(mem.doorbell.ctx, &self);
			lie();
		}
		ivsh_device_close(&device);
		FUZZ_MUST(bus.maps == 0);
	}
	return 0;
}
