/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform over EFI_PCI_IO_PROTOCOL.
 *
 * Theory of operation. Firmware has enumerated the bus, assigned every BAR, and installed an
 * EFI_PCI_IO_PROTOCOL on a handle for each function. The library names functions by number, so a
 * table maps the number to the protocol. Memory needs no mapping: boot services run identity-mapped
 * (2.3.4). Firmware and hypervisor decide how a BAR of shared memory
 * is cached; OVMF's MTRRs make it uncached, which TCG and KVM on Intel ignore.
 */
#include "uefi/platform.h"
#include "uefi/interrupts.h"
#include "uefi/pci_io.h"

#include "bare/arch.h"
#include "bare/timing.h"
#include "bare/x86_64/generation.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

/* 6.8.2: the capability, and MSI-X Enable in its first word. */
#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE (UINT32_C(1) << 31)

struct pci_function {
	uint32_t id; /* IVSH_PCI_FUNCTION() */
	EFI_PCI_IO_PROTOCOL *io;
	bool touched;     /* the library has written to its configuration space */
	bool written;     /* to COMMAND too, */
	uint16_t command; /* which had this value before */
};

static struct {
	EFI_BOOT_SERVICES *services;
	struct pci_function *functions; /* in the order of their numbers; from the pool */
	UINTN count;
} pci;

/* NULL: there is no such function. */
static struct pci_function *find(uint32_t id)
{
	for (UINTN i = 0; i < pci.count; i++)
		if (pci.functions[i].id == id)
			return &pci.functions[i];
	return NULL;
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	const struct pci_function *f = find(function);

	(void)ctx;
	return f != NULL ? pci_io_read(f->io, offset) : 0xffffffff;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct pci_function *f = find(function);

	(void)ctx;
	if (f == NULL)
		return;
	f->touched = true;
	if (offset != PCI_IO_COMMAND) {
		f->io->Pci.Write(f->io, EfiPciIoWidthUint32, offset, 1, &value);
		return;
	}
	if (!f->written) {
		f->command = (uint16_t)pci_io_read(f->io, PCI_IO_COMMAND);
		f->written = true;
	}
	pci_io_write_command(f->io, value);
}

/* Both kinds alike. Only what is in a BAR that firmware has assigned. */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	(void)kind;
	for (UINTN i = 0; i < pci.count; i++)
		for (UINT8 bar = 0; bar < 6; bar++) {
			void *base =
			    pci_io_locate(pci.services, pci.functions[i].io, bar, address, size);

			if (base != NULL)
				return base;
		}
	return NULL;
}

/* All functions, on any root bus and in any segment: firmware has found them. */
static int list(void *ctx, uint32_t index, uint32_t *function)
{
	(void)ctx;
	if (index >= pci.count)
		return -1;
	*function = pci.functions[index].id;
	return 0;
}

static struct ivsh_platform platform = {
    .config_read = config_read,
    .config_write = config_write,
    .list = list,
    .map = map,
    .msi_open = interrupts_msi_open,
    .msi_close = interrupts_msi_close,
};

const struct ivsh_platform *arch_platform(void)
{
	return &platform;
}

/*
 * Enter the function of one handle, in the order of function numbers. The order of the handles is
 * the firmware's; with this one a device has the same index as in a guest that scans the buses.
 */
static void add(EFI_HANDLE handle)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_PCI_IO_PROTOCOL *io;
	UINTN segment, bus, device, function, at = pci.count;
	uint32_t id;
	void *found;

	if (EFI_ERROR(pci.services->HandleProtocol(handle, &guid, &found)))
		return;
	io = found;
	if (EFI_ERROR(io->GetLocation(io, &segment, &bus, &device, &function)) ||
	    segment > UINT16_MAX)
		return;
	id = (uint32_t)segment << 16 | IVSH_PCI_FUNCTION(bus, device, function);
	for (; at > 0 && pci.functions[at - 1].id > id; at--)
		pci.functions[at] = pci.functions[at - 1];
	pci.functions[at] = (struct pci_function){.id = id, .io = io};
	pci.count++;
}

/* RAM is mapped to itself (2.3.4). */
static void *map_ram(uint64_t address, uint64_t size)
{
	(void)size;
	return (void *)(uintptr_t)address;
}

static EFI_STATUS collect(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	void *functions;
	EFI_STATUS status;

	status = services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);
	if (EFI_ERROR(status))
		return status == EFI_NOT_FOUND ? EFI_SUCCESS : status;
	status = services->AllocatePool(EfiLoaderData, count * sizeof(*pci.functions), &functions);
	if (!EFI_ERROR(status)) {
		pci.functions = functions;
		for (UINTN i = 0; i < count; i++)
			add(handles[i]);
	}
	services->FreePool(handles);
	return status;
}

/*
 * After the functions: the event is found by them. The program's memory is somebody else's as soon
 * as it returns, so QEMU is not given a buffer in it.
 */
EFI_STATUS platform_open(EFI_BOOT_SERVICES *services)
{
	EFI_STATUS status;

	bare_timing(&platform);
	platform.seed = arch_nonce();
	interrupts_open(services);
	pci.services = services;
	status = collect(services);
	if (!EFI_ERROR(status))
		platform.machine = x86_generation_open(&platform, map_ram, false);
	return status;
}

/*
 * A program that left by exit() has not closed its device: disable MSI-X before the handler goes.
 */
static void disable_msix(void)
{
	uint32_t offset;

	for (UINTN i = 0; i < pci.count; i++) {
		uint32_t id = pci.functions[i].id;

		if (pci.functions[i].touched &&
		    ivsh_pci_capability(&platform, id, CAPABILITY_MSIX, &offset) == 0)
			config_write(
			    NULL, id, offset, config_read(NULL, id, offset) & ~MSIX_ENABLE);
	}
	interrupts_close();
}

void platform_close(void)
{
	if (interrupts_on())
		disable_msix();
	for (UINTN i = 0; i < pci.count; i++)
		if (pci.functions[i].written)
			pci_io_write_command(pci.functions[i].io, pci.functions[i].command);
	if (pci.functions != NULL)
		pci.services->FreePool(pci.functions);
	pci.functions = NULL;
	pci.count = 0;
}
