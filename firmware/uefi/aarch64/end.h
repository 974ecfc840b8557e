/* SPDX-License-Identifier: MIT */
/*
 * end.h - the end of QEMU, with a status.
 */
#ifndef UEFI_END_H
#define UEFI_END_H

#include <efi.h>

/* First, once. (services) live as long as the program. */
void end_open(EFI_BOOT_SERVICES *services);

/*
 * End QEMU with (status) by semihosting. Returns if QEMU was not started with
 * -semihosting-config enable=on,target=native.
 */
void end_with(int status);

#endif
