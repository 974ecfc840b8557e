/* SPDX-License-Identifier: MIT */
/*
 * apic.c - the local APIC: end of interrupt, a timer that rings once, and doorbells that arrive.
 *
 * SDM 10. In xAPIC mode, as every machine starts, the registers are in memory; where firmware left
 * x2APIC mode on, which cannot be left again without a reset, they are MSRs. QEMU's TCG offers no
 * x2APIC, so that half is untested. The old 8259 pair is silenced; nothing here ever uses it.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define MSR_BASE 0x1bu         /* SDM 10.4.4 */
#define BASE_X2APIC (1u << 10) /* SDM 10.12.1 */
#define BASE_ENABLE (1u << 11) /* SDM 10.4.4 */
#define BASE_ADDRESS (~UINT64_C(0xfff))
#define SIZE 0x1000u

#define MSR_REGISTERS 0x800u /* SDM 10.12.1.2: each takes 16 bytes, or one MSR */
#define REGISTER_BYTES 16u

#define ID 0x020u
#define ID_SHIFT 24 /* SDM figure 10-6: in xAPIC mode; all 32 bits in x2APIC mode */
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

#define MSI_ADDRESS UINT64_C(0xfee00000) /* SDM 10.11.1: destination ID in 19:12 */
#define MSI_ID_SHIFT 12
#define MSI_ID_MAX 0xfeu /* 255 is all processors */

#define PIC1_MASK 0x21 /* Intel 8259A data sheet, OCW1 */
#define PIC2_MASK 0xa1

static volatile uint32_t *apic; /* NULL in x2APIC mode */
static volatile uint32_t bells;

static void set(uint32_t offset, uint32_t value)
{
	if (apic != NULL)
		apic[offset / 4] = value;
	else
		x86_msr_write(MSR_REGISTERS + offset / REGISTER_BYTES, value);
}

static uint32_t get(uint32_t offset)
{
	if (apic != NULL)
		return apic[offset / 4];
	return (uint32_t)x86_msr_read(MSR_REGISTERS + offset / REGISTER_BYTES);
}

/* There is nothing to do: that it came is what ends the halt. */
static void timer_rang(uint32_t vector)
{
	(void)vector;
}

/* Without one there is no timer, and so no sleep: check.S has seen to that. */
static void find(void)
{
	uint64_t base;

	base = x86_msr_read(MSR_BASE);
	if ((base & BASE_ENABLE) == 0)
		x86_fatal("apic: firmware has turned it off");
	if ((base & BASE_X2APIC) != 0)
		return;
	apic = x86_map(base & BASE_ADDRESS, SIZE, IVSH_MAP_REGISTERS);
	if (apic == NULL)
		x86_fatal("apic: not mapped");
}

void x86_apic_init(void)
{
	x86_out8(PIC1_MASK, 0xff);
	x86_out8(PIC2_MASK, 0xff);
	find();
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
	return get(TIMER_LEFT);
}

void x86_bell(void)
{
	bells = bells + 1;
}

uint32_t arch_doorbells(void)
{
	return bells;
}

/* That it came is all that a doorbell says, so the vectors are not told apart. */
static void bell_rang(uint32_t vector)
{
	(void)vector;
	x86_bell();
}

/*
 * Indexes that are as many as the free vectors apart share one. An ID above 254, in x2APIC mode,
 * cannot be named by a message without interrupt remapping (SDM 10.12.9).
 */
int x86_msi_open(void *ctx, uint32_t index, uint64_t *address, uint32_t *data)
{
	uint32_t id = apic != NULL ? get(ID) >> ID_SHIFT : get(ID);
	uint32_t vector = X86_VECTOR_FREE + index % X86_VECTORS_FREE;

	(void)ctx;
	if (id > MSI_ID_MAX)
		return -1;
	x86_interrupt_handler(vector, bell_rang);
	*address = MSI_ADDRESS | id << MSI_ID_SHIFT;
	*data = vector; /* SDM 10.11.2: fixed delivery, an edge */
	return 0;
}

/* The handler stays: others may share it, and what arrives late is one look too many. */
void x86_msi_close(void *ctx, uint32_t index)
{
	(void)ctx, (void)index;
}
