/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time from the TSC, and sleeping with the local APIC's timer.
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/x86_64/x86.h"
#include "device/relax.h"

#define NS_PER_S UINT64_C(1000000000)

/* For less than this, arming the timer and halting takes too long. */
#define SPIN_NS 20000u
/* The longest halt without a read of the clock: the timer's 32 bits hold 4 s at QEMU's 1 GHz. */
#define HALT_NS_MAX NS_PER_S

static uint64_t tsc_start;
static uint64_t ns_per_tsc;  /* times 2^32 */
static uint64_t apic_per_ns; /* times 2^32 */

void x86_clock_init(void)
{
	uint64_t tsc_hz = 0, apic_hz = 0;

	tsc_start = x86_tsc();
	x86_calibrate(&tsc_hz, &apic_hz);
	ns_per_tsc = (NS_PER_S << 32) / tsc_hz;
	apic_per_ns = (apic_hz << 32) / NS_PER_S;
}

/* (age_ns): of the VM generation, at most. */
static uint64_t now_ns(uint64_t age_ns)
{
	uint64_t now = x86_ticks_to_ns(x86_tsc() - tsc_start, ns_per_tsc);

	bare_generation_refresh(now, age_ns);
	return now;
}

uint64_t arch_now_ns(void)
{
	return now_ns(BARE_GENERATION_RUNNING_NS);
}

/* Start the timer: one interrupt after (ns), at most a second. */
static void arm(uint64_t ns)
{
	uint32_t ticks = (uint32_t)((ns < HALT_NS_MAX ? ns : HALT_NS_MAX) * apic_per_ns >> 32);

	x86_apic_timer_start(ticks != 0 ? ticks : 1);
}

/*
 * A doorbell interrupt between the read of the count and the halt would not end the halt. So
 * interrupts are off in between: the doorbell's or the timer's is then pending, and ends it at
 * once.
 */
void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = arch_now_ns();

	for (;;) {
		if (arch_doorbells() != seen || now >= deadline_ns)
			return;
		if (deadline_ns - now < SPIN_NS) {
			relax_processor();
			now = arch_now_ns();
			continue;
		}
		x86_interrupts_off();
		if (arch_doorbells() == seen) {
			arm(deadline_ns - now);
			x86_interrupts_on_and_halt();
		} else {
			x86_interrupts_on();
		}
		now = now_ns(BARE_GENERATION_HALTED_NS);
	}
}
