/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform over EFI_PCI_IO_PROTOCOL.
 *
 * Theory of operation. Firmware has enumerated the bus, assigned every BAR, and installed an
 * EFI_PCI_IO_PROTOCOL on a handle for each function. The library names functions by number, so a
 * table maps the number to the protocol. Configuration space is read and written by Pci.Read and
 * Pci.Write, but for the three enable bits of the COMMAND register: the bus driver keeps account of
 * them, and of the bridges above, so they go through Attributes(). Memory needs no mapping: boot
 * services run identity-mapped (2.3.4). Firmware and hypervisor decide how a BAR of shared memory
 * is cached; OVMF's MTRRs make it uncached, which TCG and KVM on Intel ignore.
 */
#include "uefi/platform.h"
#include "uefi/interrupts.h"

#include "bare/arch.h"
#include "bare/timing.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

/* PCI Local Bus Specification 3.0, 6.2.2: enables of I/O space, memory space and bus master. */
#define COMMAND 0x04u
#define COMMAND_ENABLES 0x7u

/* The same three as EFI_PCI_IO_ATTRIBUTE_IO, _MEMORY and _BUS_MASTER: 0x100, 0x200, 0x400. */
#define ENABLES_SHIFT 8

/* 6.8.2: the capability, and MSI-X Enable in its first word. */
#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE (UINT32_C(1) << 31)

/* An ACPI QWORD address space descriptor, as GetBarAttributes() answers (ACPI 6.4, 6.4.3.5.1). */
struct resource {
	uint8_t tag; /* 0x8a; 0x79 ends the list */
	uint16_t length;
	uint8_t type; /* 0: memory */
	uint8_t flags;
	uint8_t type_flags;
	uint64_t granularity;
	uint64_t min; /* the first address, as the processor sees it */
	uint64_t max;
	uint64_t translation; /* bus address minus processor address */
	uint64_t size;
} __attribute__((packed));
_Static_assert(sizeof(struct resource) == 46, "ACPI 6.4, 6.4.3.5.1");

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

static uint32_t read(EFI_PCI_IO_PROTOCOL *io, uint32_t offset)
{
	uint32_t value;

	if (EFI_ERROR(io->Pci.Read(io, EfiPciIoWidthUint32, offset, 1, &value)))
		return 0xffffffff; /* an offset that the function does not have */
	return value;
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	const struct pci_function *f = find(function);

	(void)ctx;
	return f != NULL ? read(f->io, offset) : 0xffffffff;
}

/*
 * Write COMMAND (and STATUS above it). Attributes() refuses enables that the bus driver does not
 * manage for this function, as I/O for one without an I/O BAR: these are written directly.
 */
static void write_command(EFI_PCI_IO_PROTOCOL *io, uint32_t value)
{
	uint32_t before = read(io, COMMAND), direct, managed;
	UINT64 supported = 0;
	UINT64 on, off;

	if (EFI_ERROR(io->Attributes(io, EfiPciIoAttributeOperationSupported, 0, &supported)))
		supported = 0;
	managed = (uint32_t)(supported >> ENABLES_SHIFT) & COMMAND_ENABLES;
	direct = (value & ~managed) | (before & managed);
	on = (UINT64)(value & ~before & managed) << ENABLES_SHIFT;
	off = (UINT64)(before & ~value & managed) << ENABLES_SHIFT;

	io->Pci.Write(io, EfiPciIoWidthUint32, COMMAND, 1, &direct);
	if (off != 0)
		io->Attributes(io, EfiPciIoAttributeOperationDisable, off, NULL);
	if (on != 0)
		io->Attributes(io, EfiPciIoAttributeOperationEnable, on, NULL);
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct pci_function *f = find(function);

	(void)ctx;
	if (f == NULL)
		return;
	f->touched = true;
	if (offset != COMMAND) {
		f->io->Pci.Write(f->io, EfiPciIoWidthUint32, offset, 1, &value);
		return;
	}
	if (!f->written) {
		f->command = (uint16_t)read(f->io, COMMAND);
		f->written = true;
	}
	write_command(f->io, value);
}

/* The pointer to (size) bytes at bus address (address), if (bar) has them. Otherwise NULL. */
static void *locate(EFI_PCI_IO_PROTOCOL *io, UINT8 bar, uint64_t address, uint64_t size)
{
	void *list, *base = NULL;
	const struct resource *r;

	if (EFI_ERROR(io->GetBarAttributes(io, bar, NULL, &list)))
		return NULL;
	r = list;
	if (r->tag == 0x8a && r->type == 0 && r->min != 0) {
		uint64_t offset = address - (r->min + r->translation);

		if (offset < r->size && size <= r->size - offset)
			base = (void *)(uintptr_t)(r->min + offset);
	}
	pci.services->FreePool(list);
	return base;
}

/* Both kinds alike. Only what is in a BAR that firmware has assigned. */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx;
	(void)kind;
	for (UINTN i = 0; i < pci.count; i++)
		for (UINT8 bar = 0; bar < 6; bar++) {
			void *base = locate(pci.functions[i].io, bar, address, size);

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

EFI_STATUS platform_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	void *functions;
	EFI_STATUS status;

	bare_timing(&platform);
	platform.seed = arch_nonce();
	interrupts_open(services);
	pci.services = services;
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
			write_command(pci.functions[i].io, pci.functions[i].command);
	if (pci.functions != NULL)
		pci.services->FreePool(pci.functions);
	pci.functions = NULL;
	pci.count = 0;
}
