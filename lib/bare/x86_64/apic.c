/* SPDX-License-Identifier: MIT */
/*
 * apic.c - the local APIC: end of interrupt, and a timer that rings once.
 *
 * SDM 10, in xAPIC mode: registers in memory. QEMU's TCG offers no x2APIC. The old 8259 pair is
 * silenced; nothing here ever uses it. MSI-X handlers join with x86_interrupt_handler() and x86_bell().
 */
#include "arch.h"
#include "x86.h"

#define BASE UINT64_C(0xfee00000) /* SDM 10.4.1, at reset; firmware leaves it there */
#define SIZE 0x1000u

#define TASK_PRIORITY 0x080u
#define EOI 0x0b0u
#define SPURIOUS 0x0f0u
#define SPURIOUS_ENABLE 0x100u
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

static volatile uint32_t *apic;
static volatile uint32_t bells;

static void set(uint32_t offset, uint32_t value)
{
	apic[offset / 4] = value;
}

/* There is nothing to do: that it came is what ends the halt. */
static void timer_rang(uint32_t vector)
{
	(void)vector;
}

void x86_apic_init(void)
{
	x86_out8(PIC1_MASK, 0xff);
	x86_out8(PIC2_MASK, 0xff);
	apic = x86_map(BASE, SIZE, IVSH_MAP_REGISTERS);
	if (apic == NULL)
		x86_fatal("apic: not mapped");
	x86_interrupt_handler(X86_VECTOR_TIMER, timer_rang);
	set(SPURIOUS, SPURIOUS_ENABLE | X86_VECTOR_SPURIOUS);
	set(TASK_PRIORITY, 0);
	set(LINT0, MASKED);
	set(LINT1, MASKED);
	set(TIMER_DIVIDE, DIVIDE_BY_1);
	set(TIMER_START, 0);
	set(TIMER, X86_VECTOR_TIMER); /* one-shot: bits 18:17 are 0 */
	set(EOI, 0);
	x86_interrupts_on();
}

void x86_apic_eoi(void)
{
	set(EOI, 0);
}

void x86_apic_timer_start(uint32_t ticks)
{
	set(TIMER_START, ticks);
}

uint32_t x86_apic_timer_left(void)
{
	return apic[TIMER_LEFT / 4];
}

void x86_bell(void)
{
	bells = bells + 1;
}

uint32_t arch_bells(void)
{
	return bells;
}
