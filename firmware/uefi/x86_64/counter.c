/* SPDX-License-Identifier: MIT */
/*
 * counter.c - the time stamp counter, calibrated once against Stall(), and hlt.
 */
#include "uefi/counter.h"

#include "bare/arch.h"
#include "bare/x86_64/cpu.h"

/* Stall() this long, and take the shortest of so many: a busy host only makes them longer. */
#define STALL_US 10000u
#define STALLS 3

static uint64_t start; /* at zero time */
static uint64_t scale; /* nanoseconds per count, times 2^32 */

void counter_open(EFI_BOOT_SERVICES *services)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < STALLS; i++) {
		uint64_t before = x86_tsc(), passed;

		services->Stall(STALL_US);
		passed = x86_tsc() - before;
		if (passed < best)
			best = passed;
	}
	start = x86_tsc();
	/* A counter that stands still must not make the division trap. */
	scale = ((STALL_US * UINT64_C(1000)) << 32) / (best > 0 ? best : 1);
}

uint64_t counter_ns(void)
{
	return x86_ticks_to_ns(x86_tsc() - start, scale);
}

/*
 * An interrupt that comes after the check stays pending until sti, which takes effect after the
 * next instruction: so it ends the halt. Interrupts are on otherwise (UEFI 2.10, 2.3.4).
 */
void counter_halt(uint32_t seen)
{
	x86_interrupts_off();
	if (arch_doorbells() == seen)
		x86_interrupts_on_and_halt();
	else
		x86_interrupts_on();
}
