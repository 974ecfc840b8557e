/* SPDX-License-Identifier: MIT */
/*
 * machine.c - QEMU's pc or q35: interrupts, time, serial port.
 */
#include "tasks.h"

/* Intel SDM 3A, 10.4.1: the local APIC's registers. IA-PC HPET Specification 1.0a, 2.3. */
#define APIC(offset) (*(volatile uint32_t *)(0xfee00000 + (offset)))
#define HPET(offset) (*(volatile uint64_t *)(0xfed00000 + (offset)))
#define TICK_COUNT 10000000 /* of QEMU's APIC: 10 ms */
#define SPURIOUS 0xff
#define COM1 0x3f8

struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, reserved;
};

void tick_entry(void);
void doorbell_entry(void);
void yield_entry(void);
void spurious_entry(void);

volatile uint32_t doorbells;
static struct gate gates[256];

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

uint32_t machine_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void machine_out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

uint64_t machine_now_ns(void)
{
	return HPET(0xf0) * ((HPET(0) >> 32) / 1000000); /* a tick has so many femtoseconds */
}

void machine_print(const char *text, uint32_t size)
{
	while (size-- > 0)
		out8(COM1, (uint8_t)*text++);
}

static void gate_set(uint8_t vector, void (*entry)(void))
{
	uintptr_t address = (uintptr_t)entry;

	gates[vector] = (struct gate){
	    (uint16_t)address, 8, 0x8e00, (uint16_t)(address >> 16), (uint32_t)(address >> 32), 0};
}

void machine_init(void)
{
	struct __attribute__((__packed__)) {
		uint16_t limit;
		const void *base;
	} idt = {sizeof(gates) - 1, gates};

	gate_set(VECTOR_TICK, tick_entry);
	gate_set(VECTOR_DOORBELL, doorbell_entry);
	gate_set(VECTOR_YIELD, yield_entry);
	gate_set(SPURIOUS, spurious_entry);
	__asm__ volatile("lidt %0" : : "m"(idt));
	out8(0x21, 0xff); /* both 8259s: masked */
	out8(0xa1, 0xff);
	HPET(0x10) = 1;                      /* count */
	APIC(0xf0) = 0x100 | SPURIOUS;       /* on */
	APIC(0x3e0) = 0xb;                   /* divide by 1 */
	APIC(0x320) = 0x20000 | VECTOR_TICK; /* periodic */
	APIC(0x380) = TICK_COUNT;
}

uint64_t *tick(uint64_t *stack)
{
	APIC(0xb0) = 0; /* end of interrupt */
	return schedule(stack);
}

uint64_t *doorbell(uint64_t *stack)
{
	doorbells++;
	APIC(0xb0) = 0;
	return schedule(stack);
}
