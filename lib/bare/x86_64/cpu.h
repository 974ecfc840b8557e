/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - instructions of the processor that C cannot express. For bare metal and UEFI.
 *
 * "SDM" is Intel's Software Developer's Manual, volume 3.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

static inline void x86_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void x86_out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void x86_out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t x86_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t x86_in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t x86_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

struct x86_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct x86_cpuid x86_cpuid(uint32_t leaf)
{
	struct x86_cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

static inline uint64_t x86_msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return ((uint64_t)high << 32) | low;
}

static inline void x86_msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

/* The lfence: the counter is not read before earlier instructions have completed. */
static inline uint64_t x86_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return ((uint64_t)high << 32) | low;
}

static inline void x86_interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void x86_interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/* sti holds interrupts back for one more instruction, so none comes before the hlt (SDM 6.8.3). */
static inline void x86_interrupts_on_and_halt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

/* Halt for ever. */
static inline _Noreturn void x86_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

/* (ticks) of a clock in nanoseconds; (scale) is nanoseconds a tick, times 2^32. */
static inline uint64_t x86_ticks_to_ns(uint64_t ticks, uint64_t scale)
{
	return (uint64_t)((unsigned __int128)ticks * scale >> 32);
}

#endif
