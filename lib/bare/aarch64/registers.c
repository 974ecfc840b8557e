/* SPDX-License-Identifier: MIT */
/*
 * registers.c - registers of devices in memory, each access one instruction.
 *
 * Plain loads and stores of one register: a compiler may choose others for a volatile access, with
 * a write to the address register, and a hypervisor cannot emulate these (ARM D17.2.37, ISV). The
 * barrier before a store orders it behind what was stored to memory (ARM B2.3.7).
 */
#include "bare/aarch64/registers.h"

#include "bare/aarch64/cpu.h"

static const volatile uint8_t *at(const volatile void *base, uint32_t offset)
{
	return (const volatile uint8_t *)base + offset;
}

uint32_t a64_read32(const volatile void *base, uint32_t offset)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
	return value;
}

uint64_t a64_read64(const volatile void *base, uint32_t offset)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at(base, offset)) : "memory");
	return value;
}

void a64_write32(volatile void *base, uint32_t offset, uint32_t value)
{
	__asm__ volatile("dmb oshst; str %w0, [%1]"
			 :
			 : "r"(value), "r"(at(base, offset))
			 : "memory");
}

void a64_write64(volatile void *base, uint32_t offset, uint64_t value)
{
	__asm__ volatile("dmb oshst; str %0, [%1]"
			 :
			 : "r"(value), "r"(at(base, offset))
			 : "memory");
}

bool a64_is_late(uint64_t *start)
{
	uint64_t now = a64_counter();

	if (*start == 0)
		*start = now != 0 ? now : 1;
	return now - *start > a64_counter_hz();
}

bool a64_wait32(const volatile void *base, uint32_t offset, uint32_t mask, uint32_t value)
{
	uint64_t start = 0;

	while ((a64_read32(base, offset) & mask) != value)
		if (a64_is_late(&start))
			return false;
	return true;
}
