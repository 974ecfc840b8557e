/* SPDX-License-Identifier: MIT */
/*
 * calibrate.c - how fast the TSC and the local APIC's timer run.
 *
 * Neither says so, so both are measured against a clock whose frequency is known: the first of a
 * list that is there and counts. The 8254 is on most machines; without it there is ACPI's timer,
 * what CPUID says, what QEMU's APIC is known for, or the CMOS clock. The host may stop us in the
 * middle of a measurement: each end of one is the tightest of several looks, and it takes two
 * measurements in a row that agree.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define PIT_CHANNEL_0 0x40 /* Intel 8254 data sheet */
#define PIT_COMMAND 0x43
#define PIT_RATE_GENERATOR 0x34 /* channel 0, both bytes, mode 2: counts down from 65536 */
#define PIT_LATCH_0 0x00
#define PIT_HZ 1193182u

#define ACPI_TIMER 0x608 /* QEMU's pc and q35: PM base 0x600; 24 bits */
#define ACPI_TIMER_HZ 3579545u

#define CPUID_HYPERVISOR (1u << 31) /* leaf 1, ECX */
#define LEAF_TSC 0x15u              /* SDM volume 2, CPUID */
#define LEAF_FREQUENCY 0x16u
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_HYPERVISOR_TSC 0x40000010u /* VMware's, which QEMU has too: kHz */
#define TSC_SHIFT 8

/* QEMU: hw/intc/apic.c counts nanoseconds, and so does KVM: arch/x86/kvm/lapic.h. */
#define SIGNATURE_TCG 0x54474354u
#define SIGNATURE_KVM 0x4b4d564bu
#define APIC_HZ 1000000000u

#define CMOS_INDEX 0x70 /* Motorola MC146818A data sheet */
#define CMOS_DATA 0x71
#define CMOS_SECONDS 0x00
#define CMOS_A 0x0a
#define CMOS_A_UPDATING 0x80
#define CMOS_D 0x0d
#define CMOS_D_VALID 0x80

#define LOOKS 8u
#define ROUND_LOOKS_MAX 4000000u

struct clock {
	uint32_t (*open)(void);  /* how many ticks a second; 0: not there */
	uint32_t (*ticks)(void); /* counts up */
	uint32_t mask;           /* the bits that count */
	uint32_t ms;             /* of a measurement: far less than until it starts again */
	uint32_t rounds;         /* measurements at most */
	uint32_t grain;          /* two that agree differ by one part in so many at most */
	uint32_t patience;       /* looks without a tick: it does not count */
};

struct look {
	uint64_t tsc;
	uint32_t clock;
	uint32_t apic; /* ticks left, 32 bits */
};

/* --- The clocks ------------------------------------------------------------------------------- */

static uint32_t pit_open(void)
{
	x86_out8(PIT_COMMAND, PIT_RATE_GENERATOR);
	x86_out8(PIT_CHANNEL_0, 0);
	x86_out8(PIT_CHANNEL_0, 0);
	return PIT_HZ;
}

static uint32_t pit_ticks(void)
{
	uint32_t low;

	x86_out8(PIT_COMMAND, PIT_LATCH_0);
	low = x86_in8(PIT_CHANNEL_0);
	return 0 - (low | (uint32_t)x86_in8(PIT_CHANNEL_0) << 8);
}

static uint32_t acpi_open(void)
{
	return x86_has_acpi_registers() ? ACPI_TIMER_HZ : 0;
}

static uint32_t acpi_ticks(void)
{
	return x86_in32(ACPI_TIMER);
}

static bool under_hypervisor(void)
{
	return (x86_cpuid(1).ecx & CPUID_HYPERVISOR) != 0;
}

static uint64_t cpuid_hz(void)
{
	uint32_t last = x86_cpuid(0).eax;
	struct x86_cpuid tsc = {0};

	if (under_hypervisor() && x86_cpuid(LEAF_HYPERVISOR).eax >= LEAF_HYPERVISOR_TSC &&
	    x86_cpuid(LEAF_HYPERVISOR).eax < LEAF_HYPERVISOR + 0x10000)
		return x86_cpuid(LEAF_HYPERVISOR_TSC).eax * UINT64_C(1000);
	if (last >= LEAF_TSC)
		tsc = x86_cpuid(LEAF_TSC);
	if (tsc.eax != 0 && tsc.ebx != 0 && tsc.ecx != 0)
		return (uint64_t)tsc.ecx * tsc.ebx / tsc.eax;
	return last >= LEAF_FREQUENCY ? (x86_cpuid(LEAF_FREQUENCY).eax & 0xffff) * UINT64_C(1000000)
				      : 0;
}

static uint32_t cpuid_open(void)
{
	return (uint32_t)(cpuid_hz() >> TSC_SHIFT);
}

static uint32_t cpuid_ticks(void)
{
	return (uint32_t)(x86_tsc() >> TSC_SHIFT);
}

static uint32_t apic_open(void)
{
	uint32_t signature = under_hypervisor() ? x86_cpuid(LEAF_HYPERVISOR).ebx : 0;

	return signature == SIGNATURE_TCG || signature == SIGNATURE_KVM ? APIC_HZ : 0;
}

static uint32_t apic_ticks(void)
{
	return 0 - x86_apic_timer_left();
}

static uint8_t cmos_read(uint8_t index)
{
	x86_out8(CMOS_INDEX, index);
	return x86_in8(CMOS_DATA);
}

static uint32_t cmos_open(void)
{
	return cmos_read(CMOS_D) == CMOS_D_VALID ? 1 : 0;
}

/*
 * Seconds, as they change: it takes two or three of them to start, but this clock's faster ticks
 * come as late as the host's timers (6 % off were seen on a busy one).
 */
static uint32_t cmos_ticks(void)
{
	static uint32_t count;
	static uint8_t before;
	uint8_t second;

	if (cmos_read(CMOS_A) & CMOS_A_UPDATING)
		return count;
	second = cmos_read(CMOS_SECONDS);
	count += second != before;
	before = second;
	return count;
}

static const struct clock clocks[] = {
    {pit_open, pit_ticks, 0xffff, 2, 50, 400, 1000},
    {acpi_open, acpi_ticks, 0xffffff, 2, 50, 400, 1000},
    {cpuid_open, cpuid_ticks, UINT32_MAX, 2, 50, 400, 1000},
    {apic_open, apic_ticks, UINT32_MAX, 2, 50, 400, 1000},
    {cmos_open, cmos_ticks, UINT32_MAX, 1000, 5, 100, 4000000},
};

/* --- Measuring -------------------------------------------------------------------------------- */

static struct look look_once(const struct clock *clock, uint64_t *width)
{
	struct look look;
	uint64_t before = x86_tsc();

	look.clock = clock->ticks();
	look.apic = x86_apic_timer_left();
	*width = x86_tsc() - before;
	look.tsc = before + *width / 2;
	return look;
}

static struct look look_well(const struct clock *clock)
{
	struct look best = {0};
	uint64_t best_width = UINT64_MAX;

	for (uint32_t i = 0; i < LOOKS; i++) {
		uint64_t width;
		struct look look = look_once(clock, &width);

		if (width < best_width) {
			best = look;
			best_width = width;
		}
	}
	return best;
}

/* One measurement, from a tick to another. False: the clock does not count. */
static bool measure(const struct clock *clock, uint32_t hz, uint64_t *tsc_hz, uint64_t *apic_hz)
{
	uint32_t start = clock->ticks(), looks = 0, ticks;
	uint32_t enough = (uint32_t)((uint64_t)hz * clock->ms / 1000);
	struct look first, last;

	x86_apic_timer_start(UINT32_MAX);
	while (((clock->ticks() - start) & clock->mask) == 0)
		if (looks++ == clock->patience)
			return false;
	first = look_well(clock);
	looks = 0;
	while (((clock->ticks() - first.clock) & clock->mask) < enough)
		if (looks++ == ROUND_LOOKS_MAX)
			return false;
	last = look_well(clock);
	ticks = (last.clock - first.clock) & clock->mask;
	if (ticks == 0)
		return false;
	*tsc_hz = (last.tsc - first.tsc) * hz / ticks;
	*apic_hz = (uint64_t)(first.apic - last.apic) * hz / ticks;
	return *tsc_hz != 0 && *apic_hz != 0;
}

static bool agree(const struct clock *clock, uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= a / clock->grain;
}

static bool use(const struct clock *clock, uint64_t *tsc_hz, uint64_t *apic_hz)
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
	for (uint32_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
		if (use(&clocks[i], tsc_hz, apic_hz))
			return;
	x86_fatal("clock: nothing to measure time by: no 8254, no ACPI timer, no CMOS clock, and"
		  " CPUID names no frequency");
}
