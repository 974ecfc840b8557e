/* SPDX-License-Identifier: MIT */
/*
 * pci.h - what lib/port/nuttx uses of NuttX's header of this name, and of pci_regs.h.
 */
#ifndef STUB_NUTTX_PCI_H
#define STUB_NUTTX_PCI_H

#include <stddef.h>
#include <stdint.h>

#define PCI_CAP_ID_MSIX 0x11
#define PCI_ANY_ID 0xffff

struct pci_resource_s {
	uint64_t start;
	uint64_t end;
};

struct pci_bus_s {
	uint8_t number;
};

struct pci_device_s {
	struct pci_bus_s *bus;
	uint32_t devfn;
	uint8_t revision;
	struct pci_resource_s resource[7];
	void *priv;
};

struct pci_device_id_s {
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class, class_mask;
	uintptr_t driver_data;
};

struct pci_driver_s {
	const struct pci_device_id_s *id_table;
	int (*probe)(struct pci_device_s *dev);
	void (*remove)(struct pci_device_s *dev);
};

#define PCI_DEVICE(vend, dev) \
	.vendor = (vend), .device = (dev), .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID

#define pci_resource_len(dev, bar)                              \
	((dev)->resource[bar].end == (dev)->resource[bar].start \
		? 0                                             \
		: (dev)->resource[bar].end - (dev)->resource[bar].start + 1)

#define pci_read_config_dword(dev, where, val) \
	pci_bus_read_config_dword((dev)->bus, (dev)->devfn, where, val)

int pci_bus_read_config_dword(struct pci_bus_s *bus, unsigned int devfn, int where, uint32_t *val);
void pci_set_master(struct pci_device_s *dev);
void pci_clear_master(struct pci_device_s *dev);
int pci_enable_device(struct pci_device_s *dev);
void *pci_map_bar(struct pci_device_s *dev, int bar);
uint8_t pci_find_capability(struct pci_device_s *dev, int cap);
int pci_alloc_irq(struct pci_device_s *dev, int *irq, int num);
void pci_release_irq(struct pci_device_s *dev, int *irq, int num);
int pci_connect_irq(struct pci_device_s *dev, int *irq, int num);
int pci_register_driver(struct pci_driver_s *drv);
int pci_unregister_driver(struct pci_driver_s *drv);

#endif
