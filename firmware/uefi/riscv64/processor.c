/* SPDX-License-Identifier: MIT */
/*
 * processor.c - RISC-V's part of virt: the clock, and the end of QEMU with a status by virt's test
 * device (QEMU, hw/misc/sifive_test.c).
 */
#include "uefi/virt/processor.h"
#include "uefi/virt/tree.h"

#include "bare/riscv64/cpu.h"

#include <stddef.h>

#define TEST_FAIL 0x3333u
#define TEST_US 1000000 /* QEMU ends some time after the write */
#define STATUS_MAX 127

const uint64_t processor_window = UINT64_C(16) << 30; /* QEMU, hw/riscv/virt.c: VIRT64_HIGH_PCIE */

/* The CPU Architectural Protocol, as far as its eighth member. */
struct cpu_arch {
	void *other[7];
	EFI_STATUS(EFIAPI *set_memory_attributes)
	(struct cpu_arch *cpu, EFI_PHYSICAL_ADDRESS base, UINT64 size, UINT64 attributes);
};

static EFI_BOOT_SERVICES *services;

void processor_open(EFI_BOOT_SERVICES *boot)
{
	services = boot;
}

bool processor_random(uint64_t *value)
{
	(void)value;
	return false;
}

uint64_t processor_time(void)
{
	return rv_time();
}

/* The firmware's tables do not have it. */
static volatile uint32_t *map_test_device(void)
{
	EFI_GUID guid = {
	    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	struct bare_dtb_range range;
	struct cpu_arch *cpu;
	uint32_t node;
	void *found;

	if (tree() == NULL || EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		return NULL;
	cpu = found;
	node = bare_dtb_compatible(tree(), 0, "sifive,test0");
	if (node == 0 || !bare_dtb_reg(tree(), node, 0, &range) ||
	    EFI_ERROR(cpu->set_memory_attributes(
		cpu, range.address, EFI_PAGE_SIZE, EFI_MEMORY_UC | EFI_MEMORY_XP)))
		return NULL;
	return (volatile uint32_t *)(uintptr_t)range.address;
}

void processor_exit(int status)
{
	volatile uint32_t *test = map_test_device();

	if (test == NULL)
		return;
	if (status < 0 || status > STATUS_MAX)
		status = STATUS_MAX;
	*test = (uint32_t)status << 16 | TEST_FAIL;
	services->Stall(TEST_US);
}
