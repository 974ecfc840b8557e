/* SPDX-License-Identifier: MIT */
/*
 * windows.c - the addresses that firmware leaves for devices.
 *
 * Firmware enters the windows of its root bridges in the map of the global coherency domain, and
 * allocates there what it assigns to devices (UEFI Platform Initialization Specification 1.7,
 * volume 2, 7.2). What is memory-mapped I/O and allocated to nobody is free.
 */
#include "uefi/machine.h"
#include "uefi/windows.h"

#include "bare/arch.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FOUR_GIB (UINT64_C(1) << 32)
#define GRANULARITY (UINT64_C(1) << 20) /* of bridge windows: PCI-to-PCI Bridge 1.2, 3.2.5.8 */
#define MEMORY_MAPPED_IO 3              /* EfiGcdMemoryTypeMemoryMappedIo */

/* EFI_GCD_MEMORY_SPACE_DESCRIPTOR */
struct space {
	uint64_t base, size;
	uint64_t capabilities, attributes;
	uint32_t type;
	EFI_HANDLE image; /* NULL: not allocated */
	EFI_HANDLE device;
};

/* EFI_DXE_SERVICES, as far as its seventh call. */
struct dxe_services {
	EFI_TABLE_HEADER header;
	void *memory[6];
	EFI_STATUS(EFIAPI *get_memory_space_map)(UINTN *count, struct space **map);
};

static struct {
	EFI_BOOT_SERVICES *boot;
	struct dxe_services *dxe; /* NULL: there is no map */
} services;

void windows_open(EFI_SYSTEM_TABLE *system)
{
	const EFI_GUID guid = {
	    0x05ad34ba, 0x6f02, 0x4214, {0x95, 0x2e, 0x4d, 0xa0, 0x39, 0x8e, 0x2b, 0xb9}};

	services.boot = system->BootServices;
	services.dxe = NULL;
	for (UINTN i = 0; i < system->NumberOfTableEntries; i++)
		if (memcmp(&system->ConfigurationTable[i].VendorGuid, &guid, sizeof(guid)) == 0)
			services.dxe = system->ConfigurationTable[i].VendorTable;
}

/* Keep the largest range, in whole units of what a bridge can pass on. */
static void keep(struct ivsh_pci_window *window, uint64_t start, uint64_t end)
{
	if (!machine_pci(&start, &end))
		return;
	start = (start + GRANULARITY - 1) & ~(GRANULARITY - 1);
	end &= ~(GRANULARITY - 1);
	if (start < end && end - start > window->end - window->next)
		*window = (struct ivsh_pci_window){start, end};
}

/* Neighbours in the map may differ in attributes only: they are one range. */
void arch_pci_windows(struct ivsh_pci_windows *windows)
{
	struct space *map = NULL;
	uint64_t start = 0, end = 0;
	UINTN count = 0;

	*windows = (struct ivsh_pci_windows){.next_bus = 0};
	if (services.dxe == NULL || EFI_ERROR(services.dxe->get_memory_space_map(&count, &map)))
		return;
	for (UINTN i = 0; i < count; i++) {
		if (map[i].type != MEMORY_MAPPED_IO || map[i].image != NULL)
			continue;
		if (map[i].base != end || end == FOUR_GIB)
			start = map[i].base;
		end = map[i].base + map[i].size;
		keep(start < FOUR_GIB ? &windows->low : &windows->high, start, end);
	}
	services.boot->FreePool(map);
}
