/* SPDX-License-Identifier: MIT */
/*
 * processor.h - what QEMU's virt machines differ in for UEFI: aarch64/ and riscv64/ have one
 * implementation each.
 */
#ifndef UEFI_PROCESSOR_H
#define UEFI_PROCESSOR_H

#include <efi.h>

#include <stdbool.h>
#include <stdint.h>

/* The machine's window for 64-bit BARs, in bytes. No option of QEMU makes it larger. */
extern const uint64_t processor_window;

/* First, once, behind tree_open(). (services) live as long as the program. */
void processor_open(EFI_BOOT_SERVICES *services);

/* A random number. False: the processor has none to give. */
bool processor_random(uint64_t *value);

/* Its counter of time. */
uint64_t processor_time(void);

/* As machine_exit(). */
void processor_exit(int status);

#endif
