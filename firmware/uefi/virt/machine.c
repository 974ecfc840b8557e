/* SPDX-License-Identifier: MIT */
/*
 * machine.c - QEMU's virt machines below UEFI, aarch64's and riscv64's.
 */
#include "uefi/machine.h"
#include "uefi/virt/processor.h"
#include "uefi/virt/tree.h"

#include "bare/generation.h"
#include "bare/mix.h"
#include "bare/virt/fw_cfg.h"
#include "bare/virt/ranges.h"

void machine_open(EFI_SYSTEM_TABLE *system)
{
	tree_open(system);
	processor_open(system->BootServices);
}

/* QEMU puts 32 random bytes in /chosen at each start and reset. */
static uint64_t seed(void)
{
	struct bare_dtb_value value = {0};
	uint64_t mixed = 0;

	if (tree() == NULL)
		return 0;
	bare_dtb_property(tree(), bare_dtb_path(tree(), "/chosen"), "rng-seed", &value);
	for (uint32_t i = 0; i + 2 <= value.size / 4; i += 2)
		mixed = bare_mix(mixed ^ bare_dtb_cells(&value, i, 2));
	return mixed;
}

uint64_t machine_random(uint64_t more)
{
	static uint64_t calls; /* two may see the same counter */
	uint64_t random;

	if (!processor_random(&random))
		random = seed();
	return bare_mix(random ^ bare_mix(more ^ bare_mix(processor_time() ^ bare_mix(++calls))));
}

static uint64_t draw(void)
{
	return machine_random(0);
}

/* RAM is mapped to itself (2.3). */
static void *map_ram(uint64_t address, uint64_t size)
{
	(void)size;
	return (void *)(uintptr_t)address;
}

/*
 * fw_cfg's text alone: these machines have no vmgenid. The program's memory is somebody else's as
 * soon as it returns, so QEMU is not given a buffer in it.
 */
uint64_t machine_generation_open(struct ivsh_platform *platform)
{
	struct bare_generation_source source = {.map = map_ram, .random = draw};
	struct bare_dtb_range registers;
	uint32_t node;

	if (tree() == NULL)
		return 0;
	node = bare_dtb_compatible(tree(), 0, "qemu,fw-cfg-mmio");
	if (node == 0 || !bare_dtb_reg(tree(), node, 0, &registers) ||
	    registers.size < VIRT_FW_CFG_BYTES)
		return 0;
	source.fw_cfg = virt_fw_cfg((volatile void *)(uintptr_t)registers.address);
	bare_generation_open(&source);
	platform->vm_generation = bare_generation();
	if (platform->vm_generation != NULL)
		platform->seed = machine_random(platform->seed ^ *platform->vm_generation);
	return bare_generation_identity();
}

/* Its slots are those of PCIe ports. */
const struct ivsh_hotplug_controller *machine_hotplug(const struct ivsh_platform *platform)
{
	(void)platform;
	return NULL;
}

/*
 * EDK II enters PCI's ports and its configuration space as free memory-mapped I/O, too, and on
 * aarch64's virt both can be right behind the window of 32 bits.
 */
bool machine_pci(uint64_t *start, uint64_t *end)
{
	uint64_t first = *start, last = *end;
	struct bare_dtb_range range;
	enum virt_space space;
	uint32_t host;

	if (tree() == NULL)
		return first < last;
	*start = *end = 0;
	host = bare_dtb_compatible(tree(), 0, "pci-host-ecam-generic");
	for (uint32_t i = 0; host != 0 && virt_pci_range(tree(), host, i, &space, &range); i++) {
		uint64_t low = range.address > first ? range.address : first, high = last;

		if (space < VIRT_MEMORY_32)
			continue;
		if (range.address + range.size < high)
			high = range.address + range.size;
		if (low < high && high - low > *end - *start)
			*start = low, *end = high;
	}
	return *start < *end;
}

struct machine_window machine_window(void)
{
	return (struct machine_window){processor_window, NULL};
}

/* The serial port is no PCI device: it is the firmware's console whatever becomes of those. */
bool machine_serial_open(void)
{
	return false;
}

void machine_serial_write(const char *bytes, size_t size)
{
	(void)bytes;
	(void)size;
}

void machine_exit(int status)
{
	processor_exit(status);
}
