/* SPDX-License-Identifier: MIT */
/*
 * device.c - a device, and bridges above it, whose configuration space is the input.
 */
#include "tests/fuzz/feed.h"
#include "tests/device/machines.h"

#include <ivsh/device.h>

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
