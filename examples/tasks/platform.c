/* SPDX-License-Identifier: MIT */
/*
 * platform.c - what libivsh.a asks of this small RTOS: a task that waits for messages gives the
 * processor to others, and the doorbell's interrupt wakes it.
 */
#include "tasks.h"

#include <ivsh/pci.h>

#include <stddef.h>

#define MAPPED (UINT64_C(1) << 32) /* by ../kernel/boot.S */

static struct ivsh_cf8 cf8 = {machine_in32, machine_out32};

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	return address < MAPPED && size <= MAPPED - address ? (void *)(uintptr_t)address : NULL;
}

/* All vectors share one interrupt, at the first processor's APIC: Intel SDM 3A, 10.11. */
static int msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx, (void)function, (void)index;
	*address = 0xfee00000;
	*data = VECTOR_DOORBELL;
	return 0;
}

static void msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return machine_now_ns();
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	task_wait(&doorbells, seen, deadline_ns);
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return doorbells;
}

const struct ivsh_platform platform = {
    .ctx = &cf8,
    .config_read = ivsh_cf8_read,
    .config_write = ivsh_cf8_write,
    .map = map,
    .msi_open = msi_open,
    .msi_close = msi_close,
    .now_ns = now_ns,
    .sleep = sleep_until,
    .count = count,
};
