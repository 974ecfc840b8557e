/* SPDX-License-Identifier: MIT */
/*
 * functions.c - the machine's PCI functions, by number.
 *
 * Theory of operation. Firmware's PCI bus driver has installed an EFI_PCI_IO_PROTOCOL on a handle
 * for each function that it found. It finds nothing later, and it does not see that a function was
 * unplugged. So the functions that are plugged in have no handle, and once a function has stopped
 * answering, its handle stands for what was there before: from then on both are reached through the
 * root bridge.
 */
#include "uefi/functions.h"
#include "uefi/pci_io.h"
#include "uefi/root_bridge.h"

#include <ivsh/device.h>

/* Functions without a handle that there is room for. */
#define PLUGGED_MAX 32u

#define CONFIG_ID 0x00u
#define CONFIG_HEADER 0x0cu
#define CONFIG_BAR 0x10u
#define CONFIG_BUSES 0x18u
#define HEADER_BRIDGE 1u
#define IVSHMEM_ID (IVSH_PCI_DEVICE_ID << 16 | IVSH_PCI_VENDOR)
#define ABSENT 0xffffffffu

/* Registers, and the MSI-X table of BAR1: at most that far from the start of their BAR. */
#define REGISTERS_MAX 0x10000u

struct pci_function {
	uint32_t id;             /* IVSH_PCI_FUNCTION() */
	EFI_PCI_IO_PROTOCOL *io; /* NULL: firmware does not know what is there now */
	bool touched;            /* its configuration space has been written to */
	bool written;            /* COMMAND too, */
	uint16_t command;        /* which had this value before */
};

static struct {
	EFI_BOOT_SERVICES *services;
	struct pci_function *function; /* in the order of their numbers; from the pool */
	UINTN count, max;
} pci;

/* NULL: there is no such function. */
static struct pci_function *find(uint32_t id)
{
	for (UINTN i = 0; i < pci.count; i++)
		if (pci.function[i].id == id)
			return &pci.function[i];
	return NULL;
}

static uint32_t read_word(const struct pci_function *f, uint32_t offset)
{
	return f->io != NULL ? pci_io_read(f->io, offset) : root_bridges_read(f->id, offset);
}

static void write_word(struct pci_function *f, uint32_t offset, uint32_t value)
{
	if (f->io != NULL)
		f->io->Pci.Write(f->io, EfiPciIoWidthUint32, offset, 1, &value);
	else
		root_bridges_write(f->id, offset, value);
}

static void write_command(struct pci_function *f, uint32_t value)
{
	if (f->io != NULL)
		pci_io_write_command(f->io, value);
	else
		root_bridges_write(f->id, PCI_IO_COMMAND, value & 0xffff);
}

uint32_t functions_read(uint32_t function, uint32_t offset)
{
	struct pci_function *f = find(function);
	uint32_t value;

	if (f == NULL)
		return root_bridges_read(function, offset);
	value = read_word(f, offset);
	/* What comes to this place next is not what was written to. */
	if (offset == CONFIG_ID && value == ABSENT)
		*f = (struct pci_function){.id = function};
	return value;
}

bool functions_is_touched(uint32_t index)
{
	return index < pci.count && pci.function[index].touched;
}

/* --- Those that are there --------------------------------------------------------------------- */

/*
 * The order of the handles is the firmware's; with this one a device has the same index as in a
 * guest that scans the buses.
 */
static void enter(uint32_t id, EFI_PCI_IO_PROTOCOL *io)
{
	UINTN at = pci.count;

	if (pci.count == pci.max)
		return;
	for (; at > 0 && pci.function[at - 1].id > id; at--)
		pci.function[at] = pci.function[at - 1];
	pci.function[at] = (struct pci_function){.id = id, .io = io};
	pci.count++;
}

static void enter_handle(EFI_HANDLE handle)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_PCI_IO_PROTOCOL *io;
	UINTN segment, bus, device, function;
	void *found;

	if (EFI_ERROR(pci.services->HandleProtocol(handle, &guid, &found)))
		return;
	io = found;
	if (EFI_ERROR(io->GetLocation(io, &segment, &bus, &device, &function)) ||
	    segment > UINT16_MAX)
		return;
	enter((uint32_t)segment << 16 | IVSH_PCI_FUNCTION(bus, device, function), io);
}

EFI_STATUS functions_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	void *found;
	EFI_STATUS status;

	pci.services = services;
	status = root_bridges_open(services);
	if (EFI_ERROR(status))
		return status;
	status = services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);
	if (EFI_ERROR(status))
		return status == EFI_NOT_FOUND ? EFI_SUCCESS : status;
	pci.max = count + PLUGGED_MAX;
	status = services->AllocatePool(EfiLoaderData, pci.max * sizeof(*pci.function), &found);
	if (!EFI_ERROR(status)) {
		pci.function = found;
		for (UINTN i = 0; i < count; i++)
			enter_handle(handles[i]);
	}
	services->FreePool(handles);
	return status;
}

void functions_close(void)
{
	for (UINTN i = 0; i < pci.count; i++)
		if (pci.function[i].written)
			write_command(&pci.function[i], pci.function[i].command);
	if (pci.function != NULL)
		pci.services->FreePool(pci.function);
	pci.function = NULL;
	pci.count = pci.max = 0;
	root_bridges_close();
}

void functions_write(uint32_t function, uint32_t offset, uint32_t value)
{
	struct pci_function *f = find(function);

	/* The library has found it by itself, behind a port. */
	if (f == NULL && root_bridges_read(function, CONFIG_ID) == IVSHMEM_ID) {
		enter(function, NULL);
		f = find(function);
	}
	if (f == NULL)
		return;
	f->touched = true;
	if (offset != PCI_IO_COMMAND) {
		write_word(f, offset, value);
		return;
	}
	if (!f->written) {
		f->command = (uint16_t)read_word(f, PCI_IO_COMMAND);
		f->written = true;
	}
	write_command(f, value);
}

/* Enter the ivshmem functions of one bus that are not known. */
static void scan_bus(uint32_t bus)
{
	for (uint32_t number = 0; number < 256; number++) {
		uint32_t id = bus << 8 | number;
		uint32_t at = root_bridges_read(id, CONFIG_ID);

		if (at == IVSHMEM_ID && find(id) == NULL)
			enter(id, NULL);
		/* A device with one function has no others: PCI 3.2.2.3.4. */
		if (number % 8 == 0 && (at == ABSENT || (root_bridges_read(id, CONFIG_HEADER) &
							    UINT32_C(0x800000)) == 0))
			number |= 7;
	}
}

/* The buses that functions with a handle are on, and those behind bridges; with their segment. */
static void scan(void)
{
	uint32_t before = UINT32_MAX;

	for (UINTN i = 0; i < pci.count; i++) {
		struct pci_function f = pci.function[i];
		uint32_t behind;

		if (f.io == NULL)
			continue;
		if (f.id >> 8 != before)
			scan_bus(f.id >> 8);
		before = f.id >> 8;
		if ((read_word(&f, CONFIG_HEADER) >> 16 & 0x7f) != HEADER_BRIDGE)
			continue;
		behind = read_word(&f, CONFIG_BUSES) >> 8 & 0xff;
		if (behind > IVSH_PCI_BUS(f.id))
			scan_bus(IVSH_PCI_SEGMENT(f.id) << 8 | behind);
	}
}

/* Forget those that were plugged in and do not answer any more. */
static void drop(void)
{
	UINTN left = 0;

	for (UINTN i = 0; i < pci.count; i++)
		if (pci.function[i].io != NULL ||
		    root_bridges_read(pci.function[i].id, CONFIG_ID) != ABSENT)
			pci.function[left++] = pci.function[i];
	pci.count = left;
}

int functions_list(uint32_t index, uint32_t *function)
{
	if (index == 0) {
		drop();
		scan();
	}
	if (index >= pci.count)
		return -1;
	*function = pci.function[index].id;
	return 0;
}

/* --- Their memory ----------------------------------------------------------------------------- */

/* An ivshmem function without a handle: its BARs are where the library has put them. */
static bool is_in_bars(const struct pci_function *f, uint64_t address)
{
	if (f->io != NULL || read_word(f, CONFIG_ID) != IVSHMEM_ID)
		return false;
	for (uint32_t bar = 0; bar < 3; bar++) {
		uint32_t low = read_word(f, CONFIG_BAR + 4 * bar);
		uint64_t base = low & ~UINT32_C(0xf);

		if ((low & 0x7) == 0x4)
			base |= (uint64_t)read_word(f, CONFIG_BAR + 4 * bar + 4) << 32;
		if (base != 0 && address >= base && address - base < (bar < 2 ? REGISTERS_MAX : 1))
			return true;
	}
	return false;
}

void *functions_locate(uint64_t address, uint64_t size)
{
	for (UINTN i = 0; i < pci.count; i++) {
		const struct pci_function *f = &pci.function[i];

		for (UINT8 bar = 0; f->io != NULL && bar < 6; bar++) {
			void *base = pci_io_locate(pci.services, f->io, bar, address, size);

			if (base != NULL)
				return base;
		}
	}
	for (UINTN i = 0; i < pci.count; i++)
		if (is_in_bars(&pci.function[i], address))
			return (void *)(uintptr_t)address; /* mapped to itself: 2.3.4 */
	return NULL;
}
