/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform for this machine, and the addresses that it has for devices.
 *
 * A window is used if devices have the processor's addresses in it, as all of QEMU's have.
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/identity.h"
#include "bare/timing.h"
#include "bare/virt/fw_cfg.h"
#include "bare/virt/ranges.h"
#include "bare/virt/virt.h"

#include <stddef.h>

#define FOUR_GIB (UINT64_C(1) << 32)
#define BUS_SHIFT 20 /* of configuration space: 1 MiB each */

static struct ivsh_ecam ecam;
static struct ivsh_pci_windows pci_windows = {.next_bus = 1};

/* --- What is missing without PCI -------------------------------------------------------------- */

static uint32_t no_pci_read(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx, (void)function, (void)offset;
	return UINT32_MAX;
}

static void no_pci_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx, (void)function, (void)offset, (void)value;
}

/* --- The calls -------------------------------------------------------------------------------- */

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	if (kind == IVSH_MAP_MEMORY)
		bare_generation_poll_all(arch_now_ns());
	return virt_map(address, size, kind);
}

static void unmap(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	virt_unmap(base, size);
}

static struct ivsh_platform platform = {
    .ctx = &ecam,
    .config_read = no_pci_read,
    .config_write = no_pci_write,
    .map = map,
    .unmap = unmap,
};

/* --- PCI -------------------------------------------------------------------------------------- */

static bool map_ecam(uint32_t host)
{
	struct bare_dtb_value buses;
	struct bare_dtb_range range;
	uint64_t count = 256;

	if (!bare_dtb_reg(virt_dtb(), host, 0, &range))
		return false;
	if (bare_dtb_property(virt_dtb(), host, "bus-range", &buses)) {
		if (bare_dtb_cell(&buses, 0) != 0)
			return false;
		count = (uint64_t)bare_dtb_cell(&buses, 1) + 1;
	}
	if (count > 256)
		count = 256;
	if (count > range.size >> BUS_SHIFT)
		count = range.size >> BUS_SHIFT;
	if (count == 0)
		return false;
	ecam.buses = (uint32_t)count;
	ecam.base = virt_map(range.address, count << BUS_SHIFT, IVSH_MAP_REGISTERS);
	return ecam.base != NULL;
}

/* Of two windows the larger one. A device at address 0 would count as one without address. */
static void add_window(enum virt_space space, const struct bare_dtb_range *range)
{
	struct ivsh_pci_window *window = NULL;
	uint64_t limit = UINT64_MAX;

	if (space == VIRT_MEMORY_32) {
		window = &pci_windows.low;
		limit = FOUR_GIB;
	} else if (space == VIRT_MEMORY_64 && range->address >= FOUR_GIB) {
		window = &pci_windows.high;
	}
	if (window == NULL || range->address == 0 || range->address > limit ||
	    range->size > limit - range->address || range->size <= window->end - window->next)
		return;
	window->next = range->address;
	window->end = range->address + range->size;
}

static void find_windows(uint32_t host)
{
	struct bare_dtb_range range;
	enum virt_space space;

	for (uint32_t i = 0; virt_pci_range(virt_dtb(), host, i, &space, &range); i++)
		add_window(space, &range);
}

void virt_platform_init(void)
{
	uint32_t host = bare_dtb_compatible(virt_dtb(), 0, "pci-host-ecam-generic");

	bare_timing(&platform);
	platform.seed = arch_nonce();
	if (host != 0 && map_ecam(host)) {
		platform.config_read = ivsh_ecam_read;
		platform.config_write = ivsh_ecam_write;
		find_windows(host);
	}
	if (virt_has_msi()) {
		platform.msi_open = virt_msi_open;
		platform.msi_close = virt_msi_close;
	}
}

void arch_pci_windows(struct ivsh_pci_windows *windows)
{
	*windows = pci_windows;
}

const struct ivsh_platform *arch_platform(void)
{
	return &platform;
}

/* --- Moves and resets ------------------------------------------------------------------------- */

static const struct bare_fw_cfg *find_fw_cfg(void)
{
	uint32_t node = bare_dtb_compatible(virt_dtb(), 0, "qemu,fw-cfg-mmio");
	struct bare_dtb_range range;
	void *registers = NULL;

	if (node != 0 && bare_dtb_reg(virt_dtb(), node, 0, &range) &&
	    range.size >= VIRT_FW_CFG_BYTES)
		registers = virt_map(range.address, VIRT_FW_CFG_BYTES, IVSH_MAP_REGISTERS);
	return registers != NULL ? virt_fw_cfg(registers) : NULL;
}

static void *map_ram(uint64_t address, uint64_t size)
{
	return virt_map(address, size, IVSH_MAP_MEMORY);
}

void virt_generation_init(void)
{
	const struct bare_generation_source source = {
	    .fw_cfg = find_fw_cfg(),
	    .map = map_ram,
	    .random = arch_nonce,
	    .owns_memory = true,
	};
	uint64_t first;

	bare_generation_open(&source);
	platform.vm_generation = bare_generation();
	platform.seed = arch_nonce();
	first = bare_generation_identity();
	platform.machine = bare_identity(image_kept, first != 0 ? first : arch_nonce() | 1);
}
