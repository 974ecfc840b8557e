/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - instructions of the processor that C cannot express. For bare metal and UEFI.
 *
 * "ARM" is the Arm Architecture Reference Manual for A-profile architecture (DDI 0487).
 */
#ifndef A64_CPU_H
#define A64_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* Read or write a system register by its name in the assembler's words. */
#define A64_READ(name)                                                         \
	({                                                                     \
		uint64_t value_;                                               \
		__asm__ volatile("mrs %0, " name : "=r"(value_) : : "memory"); \
		value_;                                                        \
	})
#define A64_WRITE(name, value) \
	__asm__ volatile("msr " name ", %0" : : "r"((uint64_t)(value)) : "memory")

/* What comes behind it sees what a write to a system register changed. */
static inline void a64_isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* The virtual counter. The isb: it is not read before earlier instructions have completed. */
static inline uint64_t a64_counter(void)
{
	a64_isb();
	return A64_READ("cntvct_el0");
}

/* Its ticks a second, as firmware has written it there. */
static inline uint64_t a64_counter_hz(void)
{
	return A64_READ("cntfrq_el0") & UINT32_MAX;
}

static inline void a64_interrupts_off(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

static inline void a64_interrupts_on(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
	a64_isb(); /* a pending one is taken here */
}

/* Halt until an interrupt is pending; a masked one ends the halt too (ARM D1.6.2). */
static inline void a64_halt(void)
{
	__asm__ volatile("dsb sy; wfi" : : : "memory");
}

/* Halt for ever. */
static inline _Noreturn void a64_stop(void)
{
	for (;;)
		__asm__ volatile("msr daifset, #0xf; wfi" : : : "memory");
}

/* A random number. False: the processor has none to give (FEAT_RNG; ARM K17, RNDR). */
static inline bool a64_random(uint64_t *value)
{
	uint64_t good;

	if ((A64_READ("id_aa64isar0_el1") >> 60 & 15) == 0)
		return false;
	__asm__ volatile("mrs %0, s3_3_c2_c4_0; cset %1, ne" : "=r"(*value), "=r"(good) : : "cc");
	return good != 0;
}

/* (ticks) of a clock in nanoseconds; (scale) is nanoseconds a tick, times 2^32. */
static inline uint64_t a64_ticks_to_ns(uint64_t ticks, uint64_t scale)
{
	return (uint64_t)((unsigned __int128)ticks * scale >> 32);
}

#endif
