/* SPDX-License-Identifier: MIT */
/*
 * apic.c - the local APIC: end of interrupt, a one-shot timer, and doorbell interrupts.
 *
 * SDM 10. The 8259 pair of older machines is masked and not used.
 */
#include "bare/arch.h"
#include "bare/x86_64/local_apic.h"
#include "bare/x86_64/x86.h"

#define TASK_PRIORITY 0x080u
#define TIMER 0x320u
#define LINT0 0x350u
#define LINT1 0x360u
#define MASKED 0x10000u
#define TIMER_START 0x380u
#define TIMER_LEFT 0x390u
#define TIMER_DIVIDE 0x3e0u
#define DIVIDE_BY_1 0xbu /* SDM figure 10-10 */

#define PIC1_MASK 0x21 /* Intel 8259A data sheet, OCW1 */
#define PIC2_MASK 0xa1

static struct x86_local_apic apic;
static volatile uint32_t doorbells;

static void set(uint32_t offset, uint32_t value)
{
	x86_local_apic_write(&apic, offset, value);
}

/* There is nothing to do: the interrupt itself ends the halt. */
static void on_timer(uint32_t vector)
{
	(void)vector;
}

/* check.S has made sure that the processor has a local APIC. */
static void find(void)
{
	uint64_t base = x86_msr_read(X86_APIC_BASE_MSR);

	if ((base & X86_APIC_BASE_ENABLE) == 0)
		x86_fatal("apic: firmware has turned it off");
	if ((base & X86_APIC_BASE_X2APIC) != 0)
		return;
	apic.registers = x86_map(base & X86_APIC_BASE_ADDRESS, X86_APIC_SIZE, IVSH_MAP_REGISTERS);
	if (apic.registers == NULL)
		x86_fatal("apic: not mapped");
}

void x86_apic_init(void)
{
	x86_out8(PIC1_MASK, 0xff);
	x86_out8(PIC2_MASK, 0xff);
	find();
	x86_interrupt_handler(X86_VECTOR_TIMER, on_timer);
	set(X86_APIC_SPURIOUS, X86_APIC_SPURIOUS_ENABLE | X86_VECTOR_SPURIOUS);
	set(TASK_PRIORITY, 0);
	set(LINT0, MASKED);
	set(LINT1, MASKED);
	set(TIMER_DIVIDE, DIVIDE_BY_1);
	set(TIMER_START, 0);
	set(TIMER, X86_VECTOR_TIMER); /* one-shot: bits 18:17 are 0 */
	set(X86_APIC_EOI, 0);
	x86_interrupts_on();
}

void x86_apic_eoi(void)
{
	set(X86_APIC_EOI, 0);
}

void x86_apic_timer_start(uint32_t ticks)
{
	set(TIMER_START, ticks);
}

uint32_t x86_apic_timer_left(void)
{
	return x86_local_apic_read(&apic, TIMER_LEFT);
}

void x86_doorbell(void)
{
	doorbells = doorbells + 1;
}

uint32_t arch_doorbells(void)
{
	return doorbells;
}

/* A notification carries no data, so the vectors are not told apart. */
static void on_doorbell(uint32_t vector)
{
	(void)vector;
	x86_doorbell();
}

/* Indexes that differ by the number of free vectors share one. */
int x86_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	uint32_t vector = X86_VECTOR_FREE + index % X86_VECTORS_FREE;

	(void)ctx, (void)function;
	if (!x86_local_apic_message(&apic, vector, address, data))
		return -1;
	x86_interrupt_handler(vector, on_doorbell);
	return 0;
}

/* The handler stays: other indexes may share it, and a late interrupt only ends one sleep early. */
void x86_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index;
}

const char *arch_no_interrupts(void)
{
	return NULL;
}
