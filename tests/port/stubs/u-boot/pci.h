/* SPDX-License-Identifier: MIT */
/*
 * pci.h - PCI over the driver model.
 */
#ifndef STUB_UBOOT_PCI_H
#define STUB_UBOOT_PCI_H

#include <linux/types.h>

struct udevice;
typedef int pci_dev_t;
typedef phys_addr_t pci_addr_t;

#define PCI_TO_BDF(number) ((number) << 8)
#define PCI_REGION_TYPE 0x1
#define PCI_REGION_MEM 0x0

struct pci_device_id {
	unsigned int vendor, device, subvendor, subdevice;
};

#define PCI_DEVICE(id, number) \
	.vendor = (id), .device = (number), .subvendor = ~0u, .subdevice = ~0u

int pci_find_device_id(const struct pci_device_id *ids, int index, struct udevice **device);
int dm_pci_bus_find_bdf(pci_dev_t bdf, struct udevice **device);
int dm_pci_read_config32(const struct udevice *device, int offset, u32 *value);
int dm_pci_write_config32(struct udevice *device, int offset, u32 value);
phys_addr_t dm_pci_bus_to_phys(struct udevice *device, pci_addr_t address, size_t size,
    unsigned long mask, unsigned long flags);

#endif
