/* SPDX-License-Identifier: MIT */
/*
 * interim_gic.c - no interrupt controller: a sleep polls.
 */
#include "bare/aarch64/gic.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

uint32_t arch_doorbells(void)
{
	return 0;
}

bool a64_gic_init(void)
{
	return false;
}

bool a64_gic_timer(void (*handler)(void))
{
	(void)handler;
	return false;
}

void a64_gic_interrupt(void)
{
}

bool virt_has_msi(void)
{
	return false;
}

const char *arch_no_interrupts(void)
{
	return "this image has no interrupt controller";
}

int virt_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx, (void)function, (void)index, (void)address, (void)data;
	return -1;
}

void virt_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}
