/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time from the virtual counter, and sleeping with its timer.
 */
#include "bare/aarch64/a64.h"
#include "bare/aarch64/gic.h"
#include "bare/arch.h"
#include "bare/generation.h"
#include "device/relax.h"

#define NS_PER_S UINT64_C(1000000000)

/* For less than this, arming the timer and halting takes too long. */
#define SPIN_NS 20000u
/* The longest halt without a read of the clock. */
#define HALT_NS_MAX NS_PER_S

/* CNTV_CTL_EL0: ARM D17.11.15 */
#define TIMER_OFF 0u
#define TIMER_ON 1u

static uint64_t start;
static uint64_t hz;
static uint64_t ns_per_tick; /* times 2^32 */
static bool has_timer;

/* There is nothing to do but to take the level away: the interrupt itself ends the halt. */
static void on_timer(void)
{
	A64_WRITE("cntv_ctl_el0", TIMER_OFF);
	a64_isb();
}

void a64_clock_init(void)
{
	hz = a64_counter_hz();
	if (hz == 0)
		a64_fatal("clock: CNTFRQ_EL0 is 0: firmware has not set the counter's frequency");
	ns_per_tick = (NS_PER_S << 32) / hz;
	start = a64_counter();
	A64_WRITE("cntv_ctl_el0", TIMER_OFF);
	has_timer = a64_gic_init() && a64_gic_timer(on_timer);
	a64_interrupts_on();
}

/* (age_ns): of the VM generation, at most. */
static uint64_t now_ns(uint64_t age_ns)
{
	uint64_t now = a64_ticks_to_ns(a64_counter() - start, ns_per_tick);

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
	uint64_t ticks = (ns < HALT_NS_MAX ? ns : HALT_NS_MAX) * hz / NS_PER_S;

	A64_WRITE("cntv_cval_el0", a64_counter() + ticks + 1);
	A64_WRITE("cntv_ctl_el0", TIMER_ON);
	a64_isb();
}

/*
 * A doorbell interrupt between the read of the count and the halt would not end the halt. So
 * interrupts are masked in between: the doorbell's or the timer's is then pending, and ends it at
 * once.
 */
void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = arch_now_ns();

	for (;;) {
		if (arch_doorbells() != seen || now >= deadline_ns)
			return;
		if (deadline_ns - now < SPIN_NS || !has_timer) {
			relax_processor();
			now = arch_now_ns();
			continue;
		}
		a64_interrupts_off();
		if (arch_doorbells() == seen) {
			arm(deadline_ns - now);
			a64_halt();
		}
		a64_interrupts_on();
		now = now_ns(BARE_GENERATION_HALTED_NS);
	}
}
