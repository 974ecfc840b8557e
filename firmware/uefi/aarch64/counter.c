/* SPDX-License-Identifier: MIT */
/*
 * counter.c - the generic timer's virtual counter, and wfi (Arm Architecture Reference Manual for
 * A-profile, D11 and D1.6).
 */
#include "uefi/counter.h"

#include "bare/aarch64/cpu.h"
#include "bare/arch.h"

static uint64_t start; /* at zero time */
static uint64_t scale; /* nanoseconds per count, times 2^32 */

/* Firmware has entered the frequency. */
void counter_open(EFI_BOOT_SERVICES *services)
{
	uint64_t frequency = a64_counter_hz();

	(void)services;
	scale = (UINT64_C(1000000000) << 32) / (frequency > 0 ? frequency : 1);
	start = a64_counter();
}

uint64_t counter_ns(void)
{
	return a64_ticks_to_ns(a64_counter() - start, scale);
}

/*
 * With interrupts masked: one that comes after the check stays pending, and a pending interrupt
 * ends wfi also where it is masked (D1.6.2). It is taken behind the last instruction.
 */
void counter_halt(uint32_t seen)
{
	a64_interrupts_off();
	if (arch_doorbells() == seen)
		a64_halt();
	a64_interrupts_on();
}
