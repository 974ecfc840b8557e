/* SPDX-License-Identifier: MIT */
/*
 * platform.c - struct ivsh_platform over EFI_PCI_IO_PROTOCOL.
 *
 * Theory of operation. Firmware has enumerated the bus, given every BAR an address and put one
 * EFI_PCI_IO_PROTOCOL on a handle for each function. The library names functions by number, so a
 * table leads from the number to the protocol. Configuration space goes through Pci.Read and
 * Pci.Write, but the three enables of the COMMAND register are the bus driver's: it keeps account
 * of them and of the bridges above, and wants to be told through Attributes(). Memory needs no
 * mapping: boot services run identity-mapped (2.3.4). A BAR of shared memory is then cached as
 * firmware and hypervisor decide; OVMF's MTRRs call it uncached, which TCG and KVM on Intel
 * ignore.
 */
#include "uefi/platform.h"
#include "uefi/clock.h"
#include "uefi/interrupts.h"

#include <ivsh/pci.h>

#include <stdbool.h>
#include <stdint.h>

/* PCI Local Bus Specification 3.0, 6.2.2: I/O space, memory space, bus master. */
#define COMMAND 0x04u
#define COMMAND_ENABLES 0x7u

/* The same three as EFI_PCI_IO_ATTRIBUTE_IO, _MEMORY and _BUS_MASTER: 0x100, 0x200, 0x400. */
#define ENABLES_SHIFT 8

/* 6.8.2: the capability, and its word's MSI-X Enable. */
#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE (UINT32_C(1) << 31)

/* One ACPI QWORD address space descriptor, as GetBarAttributes() answers (ACPI 6.4, 6.4.3.5.1). */
struct resource {
	uint8_t tag; /* 0x8a; 0x79 ends the list */
	uint16_t length;
	uint8_t type; /* 0: memory */
	uint8_t flags;
	uint8_t type_flags;
	uint64_t granularity;
	uint64_t min; /* where the processor sees it */
	uint64_t max;
	uint64_t translation; /* added to an address of the processor gives the one on the bus */
	uint64_t size;
} __attribute__((packed));
_Static_assert(sizeof(struct resource) == 46, "ACPI 6.4, 6.4.3.5.1");

struct port_function {
	uint32_t id; /* IVSH_PCI_FUNCTION() */
	EFI_PCI_IO_PROTOCOL *io;
	bool touched;     /* something was written */
	bool written;     /* COMMAND was, */
	uint16_t command; /* and was this before */
};

static struct port_function *find(const struct port *port, uint32_t id)
{
	for (UINTN i = 0; i < port->count; i++)
		if (port->functions[i].id == id)
			return &port->functions[i];
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
	const struct port_function *f = find(ctx, function);

	return f != NULL ? read(f->io, offset) : 0xffffffff;
}

/*
 * Write COMMAND (and STATUS above it). Enables that the bus driver does not manage for this
 * function, as I/O for one that has no I/O BAR, Attributes() would refuse: they are written
 * plainly.
 */
static void write_command(EFI_PCI_IO_PROTOCOL *io, uint32_t value)
{
	uint32_t before = read(io, COMMAND), plain, managed;
	UINT64 supported = 0;
	UINT64 on, off;

	if (EFI_ERROR(io->Attributes(io, EfiPciIoAttributeOperationSupported, 0, &supported)))
		supported = 0;
	managed = (uint32_t)(supported >> ENABLES_SHIFT) & COMMAND_ENABLES;
	plain = (value & ~managed) | (before & managed);
	on = (UINT64)(value & ~before & managed) << ENABLES_SHIFT;
	off = (UINT64)(before & ~value & managed) << ENABLES_SHIFT;

	io->Pci.Write(io, EfiPciIoWidthUint32, COMMAND, 1, &plain);
	if (off != 0)
		io->Attributes(io, EfiPciIoAttributeOperationDisable, off, NULL);
	if (on != 0)
		io->Attributes(io, EfiPciIoAttributeOperationEnable, on, NULL);
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	struct port_function *f = find(ctx, function);

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

/* Where the processor sees (size) bytes at bus address (address), if (bar) has them. Else NULL. */
static void *locate(
    struct port *port, EFI_PCI_IO_PROTOCOL *io, UINT8 bar, uint64_t address, uint64_t size)
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
	port->services->FreePool(list);
	return base;
}

/* Both kinds alike. Only what is in a BAR that firmware placed: anything else is not ours. */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	struct port *port = ctx;

	(void)kind;
	for (UINTN i = 0; i < port->count; i++)
		for (UINT8 bar = 0; bar < 6; bar++) {
			void *base = locate(port, port->functions[i].io, bar, address, size);

			if (base != NULL)
				return base;
		}
	return NULL;
}

/* All that there are, whatever root bus or segment they are on: firmware has found them. */
static int list(void *ctx, uint32_t index, uint32_t *function)
{
	const struct port *port = ctx;

	if (index >= port->count)
		return -1;
	*function = port->functions[index].id;
	return 0;
}

/*
 * Enter the function of one handle, in the order of numbers: that of the handles is the firmware's, and
 * a device has the same index here as in a guest that looks for itself.
 */
static void add(struct port *port, EFI_HANDLE handle)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_PCI_IO_PROTOCOL *io;
	UINTN segment, bus, device, function, at = port->count;
	uint32_t id;
	void *found;

	if (EFI_ERROR(port->services->HandleProtocol(handle, &guid, &found)))
		return;
	io = found;
	if (EFI_ERROR(io->GetLocation(io, &segment, &bus, &device, &function)) ||
	    segment > UINT16_MAX)
		return;
	id = (uint32_t)segment << 16 | IVSH_PCI_FUNCTION(bus, device, function);
	for (; at > 0 && port->functions[at - 1].id > id; at--)
		port->functions[at] = port->functions[at - 1];
	port->functions[at] = (struct port_function){.id = id, .io = io};
	port->count++;
}

EFI_STATUS port_open(struct port *port, EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	void *table;
	EFI_STATUS status;

	interrupts_open(services);
	*port = (struct port){
	    .calls = {.ctx = port,
		.config_read = config_read,
		.config_write = config_write,
		.list = list,
		.map = map,
		.msi_open = interrupts_msi_open,
		.msi_close = interrupts_msi_close,
		.now_ns = clock_now_ns,
		.sleep = clock_sleep,
		.count = interrupts_count,
		.relax = clock_relax},
	    .services = services,
	};
	status = services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);
	if (EFI_ERROR(status))
		return status == EFI_NOT_FOUND ? EFI_SUCCESS : status;
	status = services->AllocatePool(EfiLoaderData, count * sizeof(*port->functions), &table);
	if (!EFI_ERROR(status)) {
		port->functions = table;
		for (UINTN i = 0; i < count; i++)
			add(port, handles[i]);
	}
	services->FreePool(handles);
	return status;
}

/*
 * Whoever left by exit() has not closed its device: what it turned on mustn't outlive the handler.
 */
static void silence(struct port *port)
{
	const struct ivsh_platform *calls = &port->calls;
	uint32_t offset;

	for (UINTN i = 0; i < port->count; i++) {
		uint32_t id = port->functions[i].id;

		if (port->functions[i].touched &&
		    ivsh_pci_capability(calls, id, CAPABILITY_MSIX, &offset) == 0)
			config_write(
			    port, id, offset, config_read(port, id, offset) & ~MSIX_ENABLE);
	}
	interrupts_close();
}

void port_close(struct port *port)
{
	if (interrupts_on())
		silence(port);
	for (UINTN i = 0; i < port->count; i++)
		if (port->functions[i].written)
			write_command(port->functions[i].io, port->functions[i].command);
	if (port->functions != NULL)
		port->services->FreePool(port->functions);
	port->functions = NULL;
	port->count = 0;
}
