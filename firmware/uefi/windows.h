/* SPDX-License-Identifier: MIT */
/*
 * windows.h - the addresses that firmware leaves for devices: arch_pci_windows().
 */
#ifndef WINDOWS_H
#define WINDOWS_H

#include <efi.h>

/* Find firmware's map of addresses. Without one the windows are empty. */
void windows_open(EFI_SYSTEM_TABLE *system);

#endif
