/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform over EFI_PCI_IO_PROTOCOL.
 *
 * Theory of operation. Firmware has enumerated the bus and assigned every BAR. The library names
 * functions by number, and functions.c knows how each is reached. Memory needs no mapping: boot
 * services run identity-mapped (2.3.4). Firmware and hypervisor decide how a BAR of shared memory
 * is cached, as far as mapping.c cannot.
 */
#include "uefi/platform.h"
#include "uefi/functions.h"
#include "uefi/interrupts.h"
#include "uefi/machine.h"
#include "uefi/mapping.h"

#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/timing.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

/* 6.8.2: the capability, and MSI-X Enable in its first word. */
#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE (UINT32_C(1) << 31)

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	return functions_read(function, offset);
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	functions_write(function, offset, value);
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	void *base = functions_locate(address, size);

	(void)ctx;
	if (kind == IVSH_MAP_MEMORY)
		bare_generation_poll_all(arch_now_ns());
	if (base != NULL && kind == IVSH_MAP_MEMORY)
		mapping_cache(base, size);
	return base;
}

static void unmap(void *ctx, void *base, uint64_t size)
{
	(void)ctx;
	(void)size;
	mapping_restore(base);
}

/* All functions, on any root bus and in any segment. */
static int list(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	return functions_list(index, function);
}

static struct ivsh_platform platform = {
    .config_read = config_read,
    .config_write = config_write,
    .list = list,
    .map = map,
    .unmap = unmap,
    .msi_open = interrupts_msi_open,
    .msi_close = interrupts_msi_close,
};

const struct ivsh_platform *arch_platform(void)
{
	return &platform;
}

/* The generation after the functions: its event is found by them. */
EFI_STATUS platform_open(EFI_BOOT_SERVICES *services)
{
	EFI_STATUS status;

	bare_timing(&platform);
	platform.seed = arch_nonce();
	interrupts_open(services);
	if (arch_no_interrupts() != NULL)
		platform.msi_open = NULL, platform.msi_close = NULL;
	mapping_open(services);
	status = functions_open(services);
	if (EFI_ERROR(status))
		return status;
	platform.machine = machine_generation_open(&platform);
	platform.hotplug = machine_hotplug(&platform);
	return status;
}

/*
 * A program that left by exit() has not closed its device: disable MSI-X before the handler goes.
 */
static void disable_msix(void)
{
	uint32_t offset, id;

	for (uint32_t i = 0; functions_list(i, &id) == 0; i++)
		if (functions_is_touched(i) &&
		    ivsh_pci_capability(&platform, id, CAPABILITY_MSIX, &offset) == 0)
			functions_write(id, offset, functions_read(id, offset) & ~MSIX_ENABLE);
	interrupts_close();
}

void platform_close(void)
{
	bare_generation_close();
	platform.vm_generation = NULL;
	if (interrupts_on())
		disable_msix();
	mapping_close();
	functions_close();
}
