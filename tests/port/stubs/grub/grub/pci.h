/* SPDX-License-Identifier: MIT */
/*
 * pci.h - configuration space as GRUB has it on x86.
 */
#ifndef STUB_GRUB_PCI_H
#define STUB_GRUB_PCI_H

#include <grub/types.h>

typedef grub_uint32_t grub_pci_address_t;

typedef struct {
	int bus;
	int device;
	int function;
} grub_pci_device_t;

grub_pci_address_t grub_pci_make_address(grub_pci_device_t device, int offset);

static inline grub_uint32_t grub_pci_read(grub_pci_address_t address)
{
	grub_uint32_t value;

	__asm__ volatile("outl %0, %w1" : : "a"(address), "d"(0xcf8));
	__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(0xcfc));
	return value;
}

static inline void grub_pci_write(grub_pci_address_t address, grub_uint32_t value)
{
	__asm__ volatile("outl %0, %w1" : : "a"(address), "d"(0xcf8));
	__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(0xcfc));
}

#endif
