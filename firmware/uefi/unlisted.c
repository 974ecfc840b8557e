/* SPDX-License-Identifier: MIT */
/*
 * unlisted.c - devices that are on the bus and have no handle.
 *
 * Configuration space is reached through the root bridges' own protocol (UEFI Specification 2.10, 14.2),
 * which firmware has installed before it gives out addresses. Nobody drives what has no handle, so its BARs
 * can be sized here.
 */
#include "uefi/unlisted.h"

#include <ivsh/device.h>

#include <inttypes.h>
#include <stdio.h>

/* What OVMF finds room for without being asked (2022.11, processors of 40 address bits: 128 GiB). */
#define WINDOW_SURE (UINT64_C(4) << 30)

static UINTN count(EFI_BOOT_SERVICES *services, EFI_GUID guid)
{
	EFI_HANDLE *handles = NULL;
	UINTN found = 0;

	if (EFI_ERROR(services->LocateHandleBuffer(ByProtocol, &guid, NULL, &found, &handles)))
		return 0;
	services->FreePool(handles);
	return found;
}

bool unlisted_all(EFI_BOOT_SERVICES *services)
{
	return count(services, (EFI_GUID)EFI_PCI_IO_PROTOCOL_GUID) == 0 &&
	       count(services, (EFI_GUID)EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL_GUID) != 0;
}

/* Table 14-2: bus, device and function from bit 24 down, and the register. */
static UINT64 place(uint32_t function, uint32_t offset)
{
	return (UINT64)IVSH_PCI_BUS(function) << 24 | IVSH_PCI_DEVICE(function) << 16 |
	       IVSH_PCI_FN(function) << 8 | offset;
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io = ctx;
	uint32_t value;

	if (EFI_ERROR(io->Pci.Read(io, EfiPciIoWidthUint32, place(function, offset), 1, &value)))
		return 0xffffffff;
	return value;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io = ctx;

	(void)io->Pci.Write(io, EfiPciIoWidthUint32, place(function, offset), 1, &value);
}

/* The largest ivshmem device that this root bridge leads to, if there is one. */
static bool largest(EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t *function, uint64_t *size)
{
	const struct ivsh_platform port = {
	    .ctx = io, .config_read = config_read, .config_write = config_write};
	uint32_t found;
	bool any = false;

	for (uint32_t i = 0; ivsh_device_find(&port, i, &found) == 0; i++) {
		struct ivsh_bar bar;

		if (ivsh_pci_bar(&port, found, 2, &bar) != 0 || (any && bar.size <= *size))
			continue;
		*function = found;
		*size = bar.size;
		any = true;
	}
	return any;
}

static void say(uint32_t function, uint64_t size, bool all)
{
	fprintf(stderr, "ivsh: device %02x:%02x.%x: ", (unsigned)IVSH_PCI_BUS(function),
	    (unsigned)IVSH_PCI_DEVICE(function), (unsigned)IVSH_PCI_FN(function));
	if (size > WINDOW_SURE)
		fprintf(stderr,
		    "the firmware's window for devices is too small for its BAR2 of %" PRIu64
		    " MiB, and it gave no device an address: add "
		    "-fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=%" PRIu64 " to QEMU\n",
		    size >> 20, size >> 20);
	else if (all)
		fprintf(stderr,
		    "the firmware gave no device an address: a BAR of another one is larger than "
		    "its window: add -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=MIB to QEMU\n");
	else
		fprintf(stderr,
		    "the firmware has no handle for it: was it plugged in after the start?\n");
}

bool unlisted_say(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL_GUID;
	bool all = unlisted_all(services), any = false;
	EFI_HANDLE *handles = NULL;
	uint32_t function = 0;
	uint64_t size = 0;
	UINTN bridges = 0;
	void *io;

	if (EFI_ERROR(services->LocateHandleBuffer(ByProtocol, &guid, NULL, &bridges, &handles)))
		return false;
	for (UINTN i = 0; i < bridges && !any; i++)
		any = !EFI_ERROR(services->HandleProtocol(handles[i], &guid, &io)) &&
		      largest(io, &function, &size);
	services->FreePool(handles);
	if (any)
		say(function, size, all);
	return any;
}
