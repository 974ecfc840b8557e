/* SPDX-License-Identifier: MIT */
/*
 * platform.c - how the device room reaches this machine, and which addresses it may give to devices.
 *
 * Two kinds of machine: pc and q35 have configuration mechanism #1 at 0xCF8, whatever firmware ran;
 * microvm has an ECAM alone, and no ACPI table says where: its MCFG is missing (seen with QEMU 7.2).
 */
#include "bare/arch.h"
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

static void *port_map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	return x86_map(address, size, kind);
}

static void port_unmap(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	x86_unmap(base, size);
}

static uint64_t port_now_ns(void *ctx)
{
	(void)ctx;
	return arch_now_ns();
}

static void port_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	arch_sleep(seen, deadline_ns);
}

static uint32_t port_count(void *ctx)
{
	(void)ctx;
	return arch_doorbells();
}

static void port_relax(void *ctx)
{
	(void)ctx;
	arch_relax();
}

static struct ivsh_platform port = {
    .config_read = no_pci_read,
    .config_write = no_pci_write,
    .map = port_map,
    .unmap = port_unmap,
    .msi_open = x86_msi_open,
    .msi_close = x86_msi_close,
    .now_ns = port_now_ns,
    .sleep = port_sleep,
    .count = port_count,
    .relax = port_relax,
};

/* The address register reads back what it was given, and the host bridge has a vendor. */
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
	port.seed = arch_nonce();
	if (has_cf8()) {
		machine = MACHINE_PC;
		port.ctx = &cf8;
		port.config_read = ivsh_cf8_read;
		port.config_write = ivsh_cf8_write;
	} else if (has_ecam()) {
		machine = MACHINE_MICROVM;
		port.ctx = &ecam;
		port.config_read = ivsh_ecam_read;
		port.config_write = ivsh_ecam_write;
	} else {
		machine = MACHINE_MICROVM_NO_PCI;
	}
}

const struct ivsh_platform *arch_platform(void)
{
	return &port;
}

bool x86_is_microvm(void)
{
	return machine != MACHINE_PC;
}

/*
 * Below 4 GiB: what is left between RAM and the chipset. Above: the last quarter of what the processor
 * can address. microvm has its 64-bit window there (QEMU, hw/i386/microvm.c), pc and q35 let devices be
 * anywhere above RAM.
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
