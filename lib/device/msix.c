/* SPDX-License-Identifier: MIT */
/*
 * msix.c - MSI-X: from the port's interrupts to the entries of the device's table, and back.
 *
 * PCI Local Bus Specification 3.0 (PCI), 6.8.2. A message may go out only while its entry, and the
 * function as a whole, are not masked, so the function stays masked whenever an entry changes.
 */
#include "device/msix.h"

#include <stddef.h>

#define CAPABILITY_MSIX 0x11u /* PCI appendix H */
#define MSIX_SIZE 12u         /* PCI 6.8.2: bytes of the capability */
#define MSIX_TABLE 4u         /* PCI 6.8.2.4: offset in 31:3, BIR in 2:0 */
#define MSIX_PENDING 8u       /* PCI 6.8.2.5: likewise */
#define MSIX_BIR 0x7u
#define MSIX_ENABLE (UINT32_C(1) << 31)                 /* PCI 6.8.2.3 */
#define MSIX_MASK (UINT32_C(1) << 30)                   /* PCI 6.8.2.3: all vectors */
#define MSIX_VECTORS(word) (((word) >> 16 & 0x7ff) + 1) /* PCI 6.8.2.3: the table has N - 1 */
#define MSIX_VECTORS_MAX 2048u

#define ENTRY_SIZE 16u /* PCI 6.8.2: address, upper address, data, vector control */
#define ENTRY_WORDS 4u
#define ENTRY_CONTROL 3u
#define ENTRY_MASKED 1u /* PCI 6.8.2.9: the other bits are reserved and keep their value */

#define GRAIN 256u /* port.h: what registers are mapped in */

/* Write the control bits (bits); what shares their word cannot be written. PCI 6.8.2.3. */
static void control(const struct ivsh_device *device, uint32_t bits)
{
	uint32_t word = config_read(device->port, device->function, device->msix);

	config_write(device->port, device->function, device->msix,
	    (word & ~(MSIX_ENABLE | MSIX_MASK)) | bits);
}

static void entry_mask(const struct ivsh_device *device, uint32_t index, uint32_t masked)
{
	volatile uint32_t *word = &device->table[index * ENTRY_WORDS + ENTRY_CONTROL];

	*word = (*word & ~ENTRY_MASKED) | masked;
}

/*
 * Who has MSI-X is a doorbell. Whoever was here before may have left it on, aimed at memory that is
 * ours now: it goes off, before bus mastering lets a message out.
 */
COLD int ivsh_msix_find(struct ivsh_device *device)
{
	uint32_t word;
	int result =
	    ivsh_pci_capability(device->port, device->function, CAPABILITY_MSIX, &device->msix);

	if (result == IVSH_ENODEV)
		return 0;
	if (result != 0)
		return result;
	if (device->msix > 256 - MSIX_SIZE)
		return IVSH_EPROTO;
	word = config_read(device->port, device->function, device->msix);
	control(device, 0);
	device->doorbell = true;
	device->vectors = MSIX_VECTORS(word);
	return 0;
}

/*
 * The bus address of the (size) bytes that the word at (offset) of the capability names, in
 * *address. They may be in any BAR for memory but BAR2, which is for peers to write.
 */
static int locate(
    const struct ivsh_device *device, uint32_t offset, uint32_t size, uint64_t *address)
{
	uint32_t word = config_read(device->port, device->function, device->msix + offset);
	uint32_t at = word & ~MSIX_BIR, step;
	struct ivsh_bar bar;

	/* BAR by BAR: the upper half of a 64-bit one is none. BAR 6 and 7 fail to size. */
	for (uint32_t i = 0; i <= (word & MSIX_BIR); i += step) {
		if (ivsh_pci_bar(device->port, device->function, i, &bar) != 0)
			return IVSH_EPROTO;
		step = bar.is_64 ? 2 : 1;
		if (i != (word & MSIX_BIR))
			continue;
		if (bar.is_io || bar.address == 0 || i == 2 || (i == 0 && at < IVSH_REG_SIZE) ||
		    at > bar.size || size > bar.size - at)
			return IVSH_EPROTO;
		*address = bar.address + at;
		return 0;
	}
	return IVSH_EPROTO;
}

/* Bytes to map for a table that starts at (address), or at a pointer with the same place. */
static uint64_t map_size(const struct ivsh_device *device, uint64_t address)
{
	return (address % GRAIN + device->vectors * ENTRY_SIZE + GRAIN - 1) & ~(GRAIN - 1);
}

static void unmap(const struct ivsh_device *device, uintptr_t base, uint64_t table)
{
	if (device->port->unmap)
		device->port->unmap(device->port->ctx, (void *)base, map_size(device, table));
}

static int map(struct ivsh_device *device)
{
	uint32_t pending = (device->vectors + 63) / 64 * 8; /* PCI 6.8.2.10: a bit for each */
	uint64_t address, ignored;
	uint8_t *base;

	if (locate(device, MSIX_PENDING, pending, &ignored) != 0 ||
	    locate(device, MSIX_TABLE, device->vectors * ENTRY_SIZE, &address) != 0)
		return IVSH_EPROTO;
	base = device->port->map(device->port->ctx, address & ~(uint64_t)(GRAIN - 1),
	    map_size(device, address), IVSH_MAP_REGISTERS);
	if (!base)
		return IVSH_EPLATFORM;
	if ((uintptr_t)base % GRAIN != 0) {
		unmap(device, (uintptr_t)base, address);
		return IVSH_EPLATFORM;
	}
	device->table = (volatile uint32_t *)(void *)(base + address % GRAIN);
	return 0;
}

/* On, and every entry as well as the function masked. */
static void hush(const struct ivsh_device *device)
{
	control(device, MSIX_ENABLE | MSIX_MASK);
	for (uint32_t i = 0; i < device->vectors; i++)
		entry_mask(device, i, ENTRY_MASKED);
}

/* Program entries from 0 on and unmask them, up to (wanted) or what the port has. */
static void fill(struct ivsh_device *device, uint32_t wanted)
{
	const struct ivsh_platform *port = device->port;
	uint32_t index, data;
	uint64_t address;

	for (index = 0; index < wanted; index++) {
		volatile uint32_t *entry = &device->table[index * ENTRY_WORDS];

		if (port->msi_open(port->ctx, index, &address, &data) != 0)
			break;
		entry[0] = (uint32_t)address;
		entry[1] = (uint32_t)(address >> 32);
		entry[2] = data;
		entry_mask(device, index, 0);
	}
	device->bells = index;
}

COLD int ivsh_device_interrupts(struct ivsh_device *device, uint32_t wanted)
{
	int result;

	if (wanted > MSIX_VECTORS_MAX || !device->registers || device->bells != 0)
		return IVSH_EINVAL;
	if (wanted > device->vectors)
		wanted = device->vectors;
	if (wanted == 0 || !device->port->msi_open)
		return 0;
	result = map(device);
	if (result != 0)
		return result;
	/* On, but masked as a whole, before entries change: a doorbell that comes meanwhile is kept
	 * as pending (PCI 6.8.3.5), one that comes to a device with MSI-X off is lost. */
	hush(device);
	fill(device, wanted);
	if (device->bells != 0)
		control(device, MSIX_ENABLE);
	else
		ivsh_msix_close(device);
	return 0;
}

COLD void ivsh_msix_close(struct ivsh_device *device)
{
	const struct ivsh_platform *port = device->port;
	uintptr_t table = (uintptr_t)device->table;

	if (!table)
		return;
	hush(device);
	control(device, MSIX_MASK);
	unmap(device, table & ~(uintptr_t)(GRAIN - 1), table);
	device->table = NULL;
	while (device->bells != 0)
		port->msi_close(port->ctx, --device->bells);
}
