/* SPDX-License-Identifier: MIT */
/*
 * pci_io.c - one PCI function through its EFI_PCI_IO_PROTOCOL.
 */
#include "uefi/pci_io.h"

#include <stddef.h>

/* PCI Local Bus Specification 3.0, 6.2.2: enables of I/O space, memory space and bus master. */
#define COMMAND_ENABLES 0x7u

/* The same three as EFI_PCI_IO_ATTRIBUTE_IO, _MEMORY and _BUS_MASTER: 0x100, 0x200, 0x400. */
#define ENABLES_SHIFT 8

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

uint32_t pci_io_read(EFI_PCI_IO_PROTOCOL *io, uint32_t offset)
{
	uint32_t value;

	if (EFI_ERROR(io->Pci.Read(io, EfiPciIoWidthUint32, offset, 1, &value)))
		return 0xffffffff; /* an offset that the function does not have */
	return value;
}

/*
 * Attributes() refuses enables that the bus driver does not manage for this function, as I/O for
 * one without an I/O BAR. These are written directly.
 */
void pci_io_write_command(EFI_PCI_IO_PROTOCOL *io, uint32_t value)
{
	uint32_t before = pci_io_read(io, PCI_IO_COMMAND), direct, managed;
	UINT64 supported = 0;
	UINT64 on, off;

	if (EFI_ERROR(io->Attributes(io, EfiPciIoAttributeOperationSupported, 0, &supported)))
		supported = 0;
	managed = (uint32_t)(supported >> ENABLES_SHIFT) & COMMAND_ENABLES;
	direct = (value & ~managed) | (before & managed);
	on = (UINT64)(value & ~before & managed) << ENABLES_SHIFT;
	off = (UINT64)(before & ~value & managed) << ENABLES_SHIFT;

	io->Pci.Write(io, EfiPciIoWidthUint32, PCI_IO_COMMAND, 1, &direct);
	if (off != 0)
		io->Attributes(io, EfiPciIoAttributeOperationDisable, off, NULL);
	if (on != 0)
		io->Attributes(io, EfiPciIoAttributeOperationEnable, on, NULL);
}

void *pci_io_locate(EFI_BOOT_SERVICES *services, EFI_PCI_IO_PROTOCOL *io, UINT8 bar,
    uint64_t address, uint64_t size)
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
	services->FreePool(list);
	return base;
}
