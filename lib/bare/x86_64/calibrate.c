/* SPDX-License-Identifier: MIT */
/*
 * calibrate.c - the frequencies of the TSC and of the local APIC's timer.
 *
 * No register reports them, so both are measured against the first reference clock that is there
 * and counts. The host may suspend the guest during a measurement. So each end of a measurement is
 * the shortest of several samples, and two measurements in a row must agree.
 */
#include "bare/x86_64/reference.h"
#include "bare/x86_64/x86.h"

#define SAMPLES 8u

/* The three clocks at the same time. */
struct sample {
	uint64_t tsc;
	uint32_t reference;
	uint32_t apic; /* ticks left, 32 bits */
};

/* Take one sample; *width is how long that took. */
static struct sample sample_once(const struct x86_reference *clock, uint64_t *width)
{
	struct sample sample;
	uint64_t before = x86_tsc();

	sample.reference = clock->ticks();
	sample.apic = x86_apic_timer_left();
	*width = x86_tsc() - before;
	sample.tsc = before + *width / 2;
	return sample;
}

/* The shortest of several samples. */
static struct sample sample_best(const struct x86_reference *clock)
{
	struct sample best = {0};
	uint64_t best_width = UINT64_MAX;

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t width;
		struct sample sample = sample_once(clock, &width);

		if (width < best_width) {
			best = sample;
			best_width = width;
		}
	}
	return best;
}

/*
 * Wait until the clock is (ticks) behind (start). False: it does not count. The time is looked at
 * before the clock is read: the host may suspend the guest between the two for longer than any
 * limit, and the clock has gone on then.
 */
static bool pass(const struct x86_reference *clock, uint32_t start, uint32_t ticks)
{
	uint64_t began = x86_tsc();
	bool late = false;

	for (uint32_t reads = 0; ((clock->ticks() - start) & clock->mask) < ticks; reads++) {
		if (late)
			return false;
		late = reads >= clock->idle_reads && x86_tsc() - began > clock->idle_tsc;
	}
	return true;
}

/* One measurement, from a tick to another one. False: the reference clock does not count. */
static bool measure(
    const struct x86_reference *clock, uint32_t hz, uint64_t *tsc_hz, uint64_t *apic_hz)
{
	uint32_t start = clock->ticks(), ticks;
	uint32_t enough = (uint32_t)((uint64_t)hz * clock->ms / 1000);
	struct sample first, last;

	x86_apic_timer_start(UINT32_MAX);
	if (!pass(clock, start, 1))
		return false;
	first = sample_best(clock);
	if (!pass(clock, first.reference, enough))
		return false;
	last = sample_best(clock);
	ticks = (last.reference - first.reference) & clock->mask;
	if (ticks == 0)
		return false;
	*tsc_hz = (last.tsc - first.tsc) * hz / ticks;
	*apic_hz = (uint64_t)(first.apic - last.apic) * hz / ticks;
	return *tsc_hz != 0 && *apic_hz != 0;
}

static bool agree(const struct x86_reference *clock, uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= a / clock->precision;
}

/* Calibrate by this clock. False: it is missing, does not count, or no two measurements agree. */
static bool calibrate_by(const struct x86_reference *clock, uint64_t *tsc_hz, uint64_t *apic_hz)
{
	uint32_t hz = clock->open();
	uint64_t tsc = 0, apic = 0;
	bool good = false;

	for (uint32_t i = 0; hz != 0 && !good && i < clock->rounds; i++) {
		uint64_t tsc_before = tsc, apic_before = apic;

		if (!measure(clock, hz, &tsc, &apic))
			break;
		good = agree(clock, tsc, tsc_before) && agree(clock, apic, apic_before);
		*tsc_hz = (tsc + tsc_before) / 2;
		*apic_hz = (apic + apic_before) / 2;
	}
	x86_apic_timer_start(0);
	return good;
}

void x86_calibrate(uint64_t *tsc_hz, uint64_t *apic_hz)
{
	for (uint32_t i = 0; i < X86_REFERENCES; i++)
		if (calibrate_by(&x86_references[i], tsc_hz, apic_hz))
			return;
	x86_fatal("clock: nothing to measure time by: no 8254, no ACPI timer, no CMOS clock, and"
		  " CPUID names no frequency");
}
