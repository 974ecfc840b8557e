/* SPDX-License-Identifier: MIT */
/*
 * platform.h - struct ivsh_platform over EFI_PCI_IO_PROTOCOL (UEFI Specification 2.10, 14.4):
 * arch_platform().
 */
#ifndef UEFI_PLATFORM_H
#define UEFI_PLATFORM_H

#include <efi.h>

/*
 * Collect the machine's PCI functions, as the firmware's PCI bus driver has found them. A machine
 * without any is no error: every function then reads as absent.
 */
EFI_STATUS platform_open(EFI_BOOT_SERVICES *services);

/* Restore every COMMAND register that was written through the platform. */
void platform_close(void);

#endif
