/* SPDX-License-Identifier: MIT */
/*
 * root_bridge.c - configuration space through EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL.
 */
#include "uefi/root_bridge.h"

#include <ivsh/platform.h>

#include <stdbool.h>

static struct {
	EFI_BOOT_SERVICES *services;
	EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL **bridge; /* from the pool */
	UINTN count;
} bridges;

/* Table 14-2: bus, device and function from bit 24 down, and the register; above 255 apart. */
static UINT64 config_address(uint32_t function, uint32_t offset)
{
	UINT64 where = (UINT64)IVSH_PCI_BUS(function) << 24 | IVSH_PCI_DEVICE(function) << 16 |
		       IVSH_PCI_FN(function) << 8;

	return offset < 256 ? where | offset : where | (UINT64)offset << 32;
}

static bool read_word(
    EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t function, uint32_t offset, uint32_t *value)
{
	return !EFI_ERROR(
	    io->Pci.Read(io, EfiPciIoWidthUint32, config_address(function, offset), 1, value));
}

uint32_t root_bridge_read(EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t function, uint32_t offset)
{
	uint32_t value;

	return read_word(io, function, offset, &value) ? value : 0xffffffff;
}

void root_bridge_write(
    EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)io->Pci.Write(io, EfiPciIoWidthUint32, config_address(function, offset), 1, &value);
}

EFI_STATUS root_bridges_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	void *found;
	EFI_STATUS status;

	bridges.services = services;
	status = services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);
	if (EFI_ERROR(status))
		return status == EFI_NOT_FOUND ? EFI_SUCCESS : status;
	status = services->AllocatePool(EfiLoaderData, count * sizeof(*bridges.bridge), &found);
	if (!EFI_ERROR(status)) {
		bridges.bridge = found;
		for (UINTN i = 0; i < count; i++)
			if (!EFI_ERROR(services->HandleProtocol(handles[i], &guid, &found)))
				bridges.bridge[bridges.count++] = found;
	}
	services->FreePool(handles);
	return status;
}

void root_bridges_close(void)
{
	if (bridges.bridge != NULL)
		bridges.services->FreePool(bridges.bridge);
	bridges.bridge = NULL;
	bridges.count = 0;
}

/* A root bridge refuses the buses of others. */
static EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *lead_to(uint32_t function)
{
	uint32_t value;

	for (UINTN i = 0; i < bridges.count; i++)
		if (bridges.bridge[i]->SegmentNumber == IVSH_PCI_SEGMENT(function) &&
		    read_word(bridges.bridge[i], function, 0, &value))
			return bridges.bridge[i];
	return NULL;
}

uint32_t root_bridges_read(uint32_t function, uint32_t offset)
{
	EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io = lead_to(function);

	return io != NULL ? root_bridge_read(io, function, offset) : 0xffffffff;
}

void root_bridges_write(uint32_t function, uint32_t offset, uint32_t value)
{
	EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io = lead_to(function);

	if (io != NULL)
		root_bridge_write(io, function, offset, value);
}
