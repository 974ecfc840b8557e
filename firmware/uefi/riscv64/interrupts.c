/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - none: EDK II has no driver of the IMSIC here, nor another protocol by which an
 * application could have an interrupt of a device.
 */
#include "uefi/interrupts.h"

#include "bare/arch.h"

void interrupts_open(EFI_BOOT_SERVICES *services)
{
	(void)services;
}

int interrupts_msi_open(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx, (void)function, (void)index, (void)address, (void)data;
	return -1;
}

void interrupts_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}

uint32_t arch_doorbells(void)
{
	return 0;
}

const char *arch_no_interrupts(void)
{
	return "the firmware takes no interrupts of devices on riscv64";
}

bool interrupts_on(void)
{
	return false;
}

void interrupts_close(void)
{
}
