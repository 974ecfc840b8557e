/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time from the TSC, and sleeping with the local APIC's timer.
 *
 * Neither says how fast it runs, so both are measured against the one clock that every machine here
 * has with a known frequency: channel 0 of the 8254. Its interrupt is never used. The host may stop
 * us in the middle of a measurement: each end of one is the tightest of several looks, and
 * it takes two measurements in a row that agree.
 */
#include "arch.h"
#include "x86.h"

#define PIT_CHANNEL_0 0x40 /* Intel 8254 data sheet */
#define PIT_COMMAND 0x43
#define PIT_RATE_GENERATOR 0x34 /* channel 0, both bytes, mode 2: counts down from 65536 */
#define PIT_LATCH_0 0x00
#define PIT_HZ 1193182u

#define NS_PER_S UINT64_C(1000000000)
#define LOOKS 8u
#define ROUND_TICKS 2400u /* of the PIT: 2 ms, far from the 55 ms after which it starts again */
#define ROUNDS_MAX 50u
#define ROUND_LOOKS_MAX 1000000u

/* Sooner than this, arming the timer and halting would come too late. */
#define SPIN_NS 20000u
/* No sleep is longer without a look at the clock: the timer's 32 bits hold 4 s at QEMU's 1 GHz. */
#define HALT_NS_MAX NS_PER_S

struct look {
	uint64_t tsc;
	uint32_t pit;  /* ticks left, 16 bits */
	uint32_t apic; /* ticks left, 32 bits */
};

static uint64_t tsc_start;
static uint64_t ns_per_tsc;  /* times 2^32 */
static uint64_t apic_per_ns; /* times 2^32 */

static uint32_t read_pit(void)
{
	uint32_t low;

	x86_out8(PIT_COMMAND, PIT_LATCH_0);
	low = x86_in8(PIT_CHANNEL_0);
	return low | (uint32_t)x86_in8(PIT_CHANNEL_0) << 8;
}

static struct look look_once(uint64_t *width)
{
	struct look look;
	uint64_t before = x86_tsc();

	look.pit = read_pit();
	look.apic = x86_apic_timer_left();
	*width = x86_tsc() - before;
	look.tsc = before + *width / 2;
	return look;
}

static struct look look_well(void)
{
	struct look best = {0};
	uint64_t best_width = UINT64_MAX;

	for (uint32_t i = 0; i < LOOKS; i++) {
		uint64_t width;
		struct look look = look_once(&width);

		if (width < best_width) {
			best = look;
			best_width = width;
		}
	}
	return best;
}

/* One measurement. False: the PIT does not count. */
static bool measure(uint64_t *tsc_hz, uint64_t *apic_hz)
{
	struct look first = look_well(), last;
	uint32_t ticks, looks = 0;

	do
		if (looks++ == ROUND_LOOKS_MAX)
			return false;
	while (((first.pit - read_pit()) & 0xffff) < ROUND_TICKS);
	last = look_well();
	ticks = (first.pit - last.pit) & 0xffff;
	if (ticks == 0)
		return false;
	*tsc_hz = (last.tsc - first.tsc) * PIT_HZ / ticks;
	*apic_hz = (uint64_t)(first.apic - last.apic) * PIT_HZ / ticks;
	return *tsc_hz != 0 && *apic_hz != 0;
}

static bool agree(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= a / 400;
}

void x86_clock_init(void)
{
	uint64_t tsc_hz = 0, apic_hz = 0;

	x86_out8(PIT_COMMAND, PIT_RATE_GENERATOR);
	x86_out8(PIT_CHANNEL_0, 0);
	x86_out8(PIT_CHANNEL_0, 0);
	tsc_start = x86_tsc();
	for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
		uint64_t tsc_before = tsc_hz, apic_before = apic_hz;

		x86_apic_timer_start(UINT32_MAX);
		if (!measure(&tsc_hz, &apic_hz))
			x86_fatal("clock: the 8254 does not count");
		if (agree(tsc_hz, tsc_before) && agree(apic_hz, apic_before)) {
			x86_apic_timer_start(0);
			ns_per_tsc = (NS_PER_S << 32) / ((tsc_hz + tsc_before) / 2);
			apic_per_ns = (((apic_hz + apic_before) / 2) << 32) / NS_PER_S;
			return;
		}
	}
	x86_fatal("clock: no two measurements agree");
}

uint64_t arch_now_ns(void)
{
	unsigned __int128 product = (unsigned __int128)(x86_tsc() - tsc_start) * ns_per_tsc;

	return (uint64_t)(product >> 32);
}

/* One timer interrupt after (ns), at most a second. */
static void arm(uint64_t ns)
{
	uint32_t ticks = (uint32_t)((ns < HALT_NS_MAX ? ns : HALT_NS_MAX) * apic_per_ns >> 32);

	x86_apic_timer_start(ticks != 0 ? ticks : 1);
}

void arch_relax(void)
{
	x86_pause();
}

/*
 * A bell between the look at the count and the halt would be slept through, so interrupts are off
 * from one to the other; the bell or the timer is then pending and ends the halt at once.
 */
void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = arch_now_ns();

		if (arch_bells() != seen || now >= deadline_ns)
			return;
		if (deadline_ns - now < SPIN_NS) {
			arch_relax();
			continue;
		}
		x86_interrupts_off();
		if (arch_bells() == seen) {
			arm(deadline_ns - now);
			x86_interrupts_on_and_halt();
		} else {
			x86_interrupts_on();
		}
	}
}
