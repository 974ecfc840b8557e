/* SPDX-License-Identifier: MIT */
/*
 * ivsh_unikraft.c - struct ivsh_platform over Unikraft's interrupts, wait queues and clock, on
 * x86_64.
 *
 * Unikraft has no call for MSI. It has a free gate in its interrupt table for each number that
 * uk_intctlr_irq_alloc() gives, and ends interrupts at the 8259 alone unless it was built with
 * LIBUKINTCTLR_APIC: so the handler here ends them at the local APIC. This file is compiled with
 * Unikraft's flags for code that an interrupt may run.
 */
#include "ivsh_unikraft.h"

#include <uk/config.h>
#include <uk/intctlr.h>
#include <uk/isr/wait.h>
#include <uk/plat/time.h>
#include <uk/wait.h>
#include <x86/cpu.h>
#ifdef CONFIG_PAGING
#include <errno.h>
#include <uk/arch/paging.h>
#include <uk/plat/paging.h>
#endif

/* Intel SDM 3A, 10.4.4, 10.4.1, 10.11. */
#define MSR_APIC_BASE 0x1bu
#define X2APIC 0x400u
#define APIC_BASE UINT64_C(0xfee00000)
#define APIC_EOI 0xb0u
#define APIC_SPURIOUS 0xf0u
#define APIC_ENABLE 0x100u
#define FIRST_GATE 32u /* of interrupt number 0 */

#define PAGE UINT64_C(4096)
#define FOUR_GIB (UINT64_C(1) << 32)

static struct uk_waitq doorbell_wait;
static volatile uint32_t doorbells;
static volatile uint8_t *apic; /* NULL: Unikraft itself ends the interrupt, by x2APIC */
static unsigned int irq;       /* of all vectors of all devices; 0: none yet */

/* Identity-mapped by Unikraft; with its virtual memory, by a call here. */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
#ifdef CONFIG_PAGING
	uint64_t first = address & ~(PAGE - 1);
	uint64_t pages = (address + size - first + PAGE - 1) / PAGE;
	int error =
	    ukplat_page_map(ukplat_pt_get_active(), first, first, pages, PAGE_ATTR_PROT_RW, 0);

	/* Devices share pages of registers. */
	if (error && error != -EEXIST)
		return NULL;
#else
	if (address >= FOUR_GIB || size > FOUR_GIB - address)
		return NULL;
#endif
	return (void *)(uintptr_t)address;
}

static int on_doorbell(void *arg)
{
	(void)arg;
	doorbells = doorbells + 1;
	if (apic)
		*(volatile uint32_t *)(apic + APIC_EOI) = 0;
	uk_waitq_wake_up_isr(&doorbell_wait);
	return 1;
}

/* Prepare the local APIC, and take an interrupt number. */
static int irq_open(void)
{
	uint32_t low, high;

	rdmsr(MSR_APIC_BASE, &low, &high);
	if (!(low & X2APIC)) {
		apic = map(NULL, APIC_BASE, PAGE, IVSH_MAP_REGISTERS);
		if (!apic)
			return -1;
		*(volatile uint32_t *)(apic + APIC_SPURIOUS) |= APIC_ENABLE;
	}
	if (uk_intctlr_irq_alloc(&irq, 1))
		return -1;
	if (uk_intctlr_irq_register(irq, on_doorbell, NULL) == 0)
		return 0;
	(void)uk_intctlr_irq_free(&irq, 1);
	irq = 0;
	return -1;
}

/* All vectors share one interrupt, which stays taken: the next device has it, too. */
static int msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	uint32_t eax, ebx, ecx, edx;

	(void)ctx, (void)function, (void)index;
	if (irq == 0 && irq_open())
		return -1;
	cpuid(1, 0, &eax, &ebx, &ecx, &edx);
	*address = APIC_BASE | (ebx >> 24) << 12; /* to this processor */
	*data = FIRST_GATE + irq;
	return 0;
}

static void msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return (uint64_t)ukplat_monotonic_clock();
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	/* 0 is for ever there. */
	if (deadline_ns != 0)
		(void)uk_waitq_wait_event_deadline(
		    &doorbell_wait, doorbells != seen, (__nsec)deadline_ns);
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return doorbells;
}

static uint32_t in32(uint16_t port)
{
	return inl(port);
}

static void out32(uint16_t port, uint32_t value)
{
	outl(port, value);
}

const struct ivsh_platform *ivsh_unikraft_platform(void)
{
	static struct ivsh_cf8 cf8 = {in32, out32};
	static struct ivsh_platform platform = {
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

	if (platform.seed == 0) {
		uk_waitq_init(&doorbell_wait);
		platform.seed = (uint64_t)ukplat_wall_clock() | 1;
	}
	return &platform;
}
