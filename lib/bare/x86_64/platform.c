/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform for this machine, and the addresses that it has for devices.
 *
 * There are two kinds of machine: pc and q35 have configuration mechanism #1 at 0xCF8, whatever
 * firmware ran; microvm has only an ECAM, at an address that no ACPI table gives, as its MCFG is
 * missing (QEMU 7.2).
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/identity.h"
#include "bare/timing.h"
#include "bare/x86_64/generation.h"
#include "bare/x86_64/hotplug.h"
#include "bare/x86_64/nonce.h"
#include "bare/x86_64/x86.h"

#define CF8 0xcf8
#define CF8_HOST_BRIDGE 0x80000000u /* bus 0, device 0, function 0, register 0 */

#define MICROVM_ECAM UINT64_C(0xe0000000) /* QEMU, include/hw/i386/microvm.h: PCIE_ECAM_BASE */
#define MICROVM_BUSES 256u                /* PCIE_ECAM_SIZE, in MiB */
#define MICROVM_HOST_BRIDGE 0x00081b36u   /* QEMU, include/hw/pci/pci.h: PCIE_HOST */

/* microvm's PCIE_MMIO_BASE. q35 has its own ECAM below; RAM of pc may reach further. */
#define LOW_START UINT64_C(0xc0000000)
#define LOW_END_MICROVM UINT64_C(0xe0000000)
#define LOW_END UINT64_C(0xfeb00000) /* below the I/O APIC, with room to spare */
#define FOUR_GIB (UINT64_C(1) << 32)

enum machine {
	MACHINE_PC,
	MACHINE_MICROVM,
	MACHINE_MICROVM_NO_PCI,
};

static enum machine machine;
static struct ivsh_ecam ecam;
static struct ivsh_cf8 cf8 = {x86_in32, x86_out32};

static uint32_t no_pci_read(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx, (void)function, (void)offset;
	return UINT32_MAX;
}

static void no_pci_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx, (void)function, (void)offset, (void)value;
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	if (kind == IVSH_MAP_MEMORY)
		bare_generation_poll_all(arch_now_ns());
	return x86_map(address, size, kind);
}

static void unmap(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	x86_unmap(base, size);
}

static struct ivsh_platform platform = {
    .config_read = no_pci_read,
    .config_write = no_pci_write,
    .map = map,
    .unmap = unmap,
    .msi_open = x86_msi_open,
    .msi_close = x86_msi_close,
};

/* The address register reads back what was written, and the host bridge has a vendor ID. */
static bool has_cf8(void)
{
	x86_out32(CF8, CF8_HOST_BRIDGE);
	return x86_in32(CF8) == CF8_HOST_BRIDGE && (ivsh_cf8_read(&cf8, 0, 0) & 0xffff) != 0xffff;
}

static bool has_ecam(void)
{
	ecam.buses = MICROVM_BUSES;
	ecam.base = x86_map(MICROVM_ECAM, (uint64_t)ecam.buses << 20, IVSH_MAP_REGISTERS);
	return ecam.base != NULL && ivsh_ecam_read(&ecam, 0, 0) == MICROVM_HOST_BRIDGE;
}

void x86_platform_init(void)
{
	bare_timing(&platform);
	platform.seed = arch_nonce();
	if (has_cf8()) {
		machine = MACHINE_PC;
		platform.ctx = &cf8;
		platform.config_read = ivsh_cf8_read;
		platform.config_write = ivsh_cf8_write;
	} else if (has_ecam()) {
		machine = MACHINE_MICROVM;
		platform.ctx = &ecam;
		platform.config_read = ivsh_ecam_read;
		platform.config_write = ivsh_ecam_write;
	} else {
		machine = MACHINE_MICROVM_NO_PCI;
	}
	if (x86_has_acpi_registers())
		platform.hotplug = x86_hotplug(&platform);
}

static void *map_ram(uint64_t address, uint64_t size)
{
	return x86_map(address, size, IVSH_MAP_MEMORY);
}

void x86_generation_init(void)
{
	uint64_t first = x86_generation_open(&platform, map_ram, true);

	platform.machine = bare_identity(image_kept, first != 0 ? first : x86_nonce(0) | 1);
}

const struct ivsh_platform *arch_platform(void)
{
	return &platform;
}

bool x86_is_microvm(void)
{
	return machine != MACHINE_PC;
}

/*
 * Below 4 GiB: what is free between RAM and the chipset. Above: the last quarter of what the
 * processor can address. There microvm has its 64-bit window (QEMU, hw/i386/microvm.c); on pc and
 * q35 devices may be anywhere above RAM.
 */
void arch_pci_windows(struct ivsh_pci_windows *windows)
{
	uint64_t quarter = UINT64_C(1) << (x86_address_bits() - 2);
	uint64_t low_ram = x86_ram_top(FOUR_GIB), ram = x86_ram_top(UINT64_MAX);
	uint64_t low_end = machine == MACHINE_MICROVM ? LOW_END_MICROVM : LOW_END;

	*windows = (struct ivsh_pci_windows){.next_bus = 1};
	if (machine == MACHINE_MICROVM_NO_PCI)
		return;
	windows->low.next = low_ram > LOW_START ? low_ram : LOW_START;
	windows->low.end = low_end > windows->low.next ? low_end : windows->low.next;
	windows->high.end = quarter * 4;
	windows->high.next = windows->high.end - quarter;
	if (ram > windows->high.next || quarter < FOUR_GIB)
		windows->high.next = windows->high.end;
}
