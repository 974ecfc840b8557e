/* SPDX-License-Identifier: MIT */
/*
 * msix.c - MSI-X: the platform's interrupts in the entries of the device's table.
 *
 * PCI Local Bus Specification 3.0 (PCI), 6.8.2. The device sends no message while the entry or the
 * whole function is masked, so the function is masked whenever an entry changes.
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

#define ENTRY_SIZE 16u /* PCI 6.8.2: address, upper address, data, vector control */
#define ENTRY_WORDS 4u
#define ENTRY_CONTROL 3u
#define ENTRY_MASKED 1u /* PCI 6.8.2.9: the other bits are reserved and keep their value */

#define MAP_GRANULARITY 256u /* platform.h: of registers */

/* Write the control bits (bits). The rest of the word is read-only. PCI 6.8.2.3. */
static void control_write(const struct ivsh_device *device, uint32_t bits)
{
	uint32_t word = config_read(device->platform, device->function, device->msix);

	config_write(device->platform, device->function, device->msix,
	    (word & ~(MSIX_ENABLE | MSIX_MASK)) | bits);
}

static void entry_mask(const struct ivsh_device *device, uint32_t index, uint32_t masked)
{
	volatile uint32_t *word = &device->table[index * ENTRY_WORDS + ENTRY_CONTROL];

	*word = (*word & ~ENTRY_MASKED) | masked;
}

/*
 * A device with MSI-X is an ivshmem-doorbell. A former owner may have left MSI-X enabled, with
 * addresses in memory that is in use now: disable it before bus mastering is on.
 */
COLD int ivsh_msix_find(struct ivsh_device *device)
{
	uint32_t word;
	int result =
	    ivsh_pci_capability(device->platform, device->function, CAPABILITY_MSIX, &device->msix);

	if (result == IVSH_ENODEV)
		return 0;
	if (result != 0)
		return result;
	if (device->msix > 256 - MSIX_SIZE)
		return IVSH_EPROTO;
	word = config_read(device->platform, device->function, device->msix);
	control_write(device, 0);
	device->doorbell = true;
	device->vectors = MSIX_VECTORS(word);
	return 0;
}

/*
 * Store in *address the bus address of the (size) bytes that the word at (offset) of the capability
 * names. They may be in any memory BAR but BAR2, which peers can write.
 */
static int locate(
    const struct ivsh_device *device, uint32_t offset, uint32_t size, uint64_t *address)
{
	uint32_t word = config_read(device->platform, device->function, device->msix + offset);
	uint32_t at = word & ~MSIX_BIR, step;
	struct ivsh_bar bar;

	/* BAR by BAR, as the upper half of a 64-bit BAR is none. Sizing BAR 6 and 7 fails. */
	for (uint32_t i = 0; i <= (word & MSIX_BIR); i += step) {
		if (ivsh_pci_bar(device->platform, device->function, i, &bar) != 0)
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

/* Bytes to map for a table at (address), or at a pointer with the same offset in 256 bytes. */
static uint64_t map_size(const struct ivsh_device *device, uint64_t address)
{
	return (address % MAP_GRANULARITY + device->vectors * ENTRY_SIZE + MAP_GRANULARITY - 1) &
	       ~(MAP_GRANULARITY - 1);
}

static void table_unmap(const struct ivsh_device *device, uintptr_t base, uint64_t table)
{
	if (device->platform->unmap)
		device->platform->unmap(
		    device->platform->ctx, (void *)base, map_size(device, table));
}

static int table_map(struct ivsh_device *device)
{
	uint32_t pending = (device->vectors + 63) / 64 * 8; /* PCI 6.8.2.10: a bit for each */
	uint64_t address, ignored;
	uint8_t *base;

	if (locate(device, MSIX_PENDING, pending, &ignored) != 0 ||
	    locate(device, MSIX_TABLE, device->vectors * ENTRY_SIZE, &address) != 0)
		return IVSH_EPROTO;
	base =
	    device->platform->map(device->platform->ctx, address & ~(uint64_t)(MAP_GRANULARITY - 1),
		map_size(device, address), IVSH_MAP_REGISTERS);
	if (!base)
		return IVSH_EPLATFORM;
	if ((uintptr_t)base % MAP_GRANULARITY != 0) {
		table_unmap(device, (uintptr_t)base, address);
		return IVSH_EPLATFORM;
	}
	device->table = (volatile uint32_t *)(void *)(base + address % MAP_GRANULARITY);
	return 0;
}

/* MSI-X enabled, but every entry and the whole function masked. */
static void mask_all(const struct ivsh_device *device)
{
	control_write(device, MSIX_ENABLE | MSIX_MASK);
	for (uint32_t i = 0; i < device->vectors; i++)
		entry_mask(device, i, ENTRY_MASKED);
}

/* Program entries from 0 on and unmask them: (wanted), or as many as the platform allocates. */
static void program_entries(struct ivsh_device *device, uint32_t wanted)
{
	const struct ivsh_platform *platform = device->platform;
	uint32_t index, data;
	uint64_t address;

	for (index = 0; index < wanted; index++) {
		volatile uint32_t *entry = &device->table[index * ENTRY_WORDS];

		if (platform->msi_open(platform->ctx, device->function, index, &address, &data) !=
		    0)
			break;
		entry[0] = (uint32_t)address;
		entry[1] = (uint32_t)(address >> 32);
		entry[2] = data;
		entry_mask(device, index, 0);
	}
	device->interrupts = index;
}

COLD int ivsh_device_interrupts(struct ivsh_device *device, uint32_t wanted)
{
	int result;

	if (wanted > MSIX_VECTORS_MAX || !device->registers || device->interrupts != 0)
		return IVSH_EINVAL;
	if (wanted > device->vectors)
		wanted = device->vectors;
	if (wanted == 0 || !device->platform->msi_open)
		return 0;
	result = table_map(device);
	if (result != 0)
		return result;
	/* Enabled, but masked, before entries change: a doorbell that arrives meanwhile is kept as
	 * pending (PCI 6.8.3.5). Without MSI-X enabled it would be lost. */
	mask_all(device);
	program_entries(device, wanted);
	if (device->interrupts != 0) {
		control_write(device, MSIX_ENABLE);
	} else {
		ivsh_msix_disable(device, true);
		ivsh_msix_unmap(device);
	}
	return 0;
}

COLD void ivsh_msix_disable(struct ivsh_device *device, bool decodes)
{
	if (!device->table)
		return;
	if (decodes)
		mask_all(device);
	control_write(device, MSIX_MASK);
}

COLD void ivsh_msix_unmap(struct ivsh_device *device)
{
	uintptr_t table = (uintptr_t)device->table;

	if (table)
		table_unmap(device, table & ~(uintptr_t)(MAP_GRANULARITY - 1), table);
	device->table = NULL;
}

COLD void ivsh_msix_free(struct ivsh_device *device)
{
	while (device->interrupts != 0)
		device->platform->msi_close(
		    device->platform->ctx, device->function, --device->interrupts);
}

/* A reset of the device masks all entries and clears them. */
static bool is_programmed(const struct ivsh_device *device)
{
	for (uint32_t i = 0; i < device->interrupts; i++) {
		volatile uint32_t *entry = &device->table[i * ENTRY_WORDS];

		if ((entry[ENTRY_CONTROL] & ENTRY_MASKED) != 0 || (entry[0] | entry[1]) == 0)
			return false;
	}
	return true;
}

COLD void ivsh_msix_restart(struct ivsh_device *device)
{
	uint32_t wanted = device->interrupts;

	if (!device->table)
		return;
	control_write(device, MSIX_MASK);
	control_write(device, MSIX_ENABLE | MSIX_MASK);
	if (!is_programmed(device)) {
		mask_all(device);
		ivsh_msix_free(device);
		program_entries(device, wanted);
	}
	control_write(device, MSIX_ENABLE);
}
