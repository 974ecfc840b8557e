/* SPDX-License-Identifier: MIT */
/*
 * unlisted.c - PCI functions on the bus for which firmware made no handle.
 *
 * Their configuration space is accessible through the root bridge's protocol (UEFI Specification
 * 2.10, 14.2), which firmware installs before it assigns addresses. No driver uses a function
 * without a handle, so its BARs can be sized here.
 */
#include "uefi/unlisted.h"
#include "uefi/machine.h"
#include "uefi/root_bridge.h"

#include <ivsh/device.h>

#include <inttypes.h>
#include <stdio.h>

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

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	return root_bridge_read(ctx, function, offset);
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	root_bridge_write(ctx, function, offset, value);
}

/* Find the largest ivshmem device below this root bridge. False: there is none. */
static bool largest(EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *io, uint32_t *function, uint64_t *size)
{
	const struct ivsh_platform platform = {
	    .ctx = io, .config_read = config_read, .config_write = config_write};
	uint32_t found;
	bool any = false;

	for (uint32_t i = 0; ivsh_device_find(&platform, i, &found) == 0; i++) {
		struct ivsh_bar bar;

		if (ivsh_pci_bar(&platform, found, 2, &bar) != 0 || (any && bar.size <= *size))
			continue;
		*function = found;
		*size = bar.size;
		any = true;
	}
	return any;
}

static void print_reason(uint32_t function, uint64_t size, bool all)
{
	struct machine_window window = machine_window();
	char mib[24] = "MIB";

	fprintf(stderr, "ivsh: device %02x:%02x.%x: ", (unsigned)IVSH_PCI_BUS(function),
	    (unsigned)IVSH_PCI_DEVICE(function), (unsigned)IVSH_PCI_FN(function));
	if (!all && size <= window.size) {
		fprintf(stderr,
		    "the firmware has no handle for it: was it plugged in after the start?\n");
		return;
	}
	if (size > window.size) {
		snprintf(mib, sizeof(mib), "%" PRIu64, size >> 20);
		fprintf(stderr,
		    "the firmware's window for devices is too small for its BAR2 of %s MiB, and it "
		    "gave no device an address: ",
		    mib);
	} else {
		fprintf(stderr,
		    "the firmware gave no device an address: a BAR of another one is larger than "
		    "its window: ");
	}
	if (window.option != NULL)
		fprintf(stderr, "add -fw_cfg name=%s,string=%s to QEMU\n", window.option, mib);
	else
		fprintf(stderr, "this machine has %" PRIu64 " MiB at most\n", window.size >> 20);
}

bool unlisted_explain(EFI_BOOT_SERVICES *services)
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
		print_reason(function, size, all);
	return any;
}
