/* SPDX-License-Identifier: MIT */
/*
 * clock.c - time and sleep: the processor's time stamp counter, and hlt.
 *
 * Theory of operation. Not all firmware has a clock finer than a second, so time is the time stamp
 * counter, calibrated once against Stall(). A sleep halts the processor until the next interrupt: a
 * doorbell's, or the firmware's timer tick. OVMF ticks every 10 ms, which is enough for a peer that
 * doorbells wake. A polling peer reads memory between its sleeps; for it the Timer Architectural
 * Protocol sets a finer tick, until the next long sleep. A tick costs the host 0.1 to 0.3 ms under
 * TCG (QEMU 7.2, OVMF 2022.11): with ticks of 3 ms a waiting guest takes less than a tenth of a
 * core, with the firmware's own 4 %. The firmware's time stays right, but for a fraction of a tick
 * at each change, because its driver reports the time passed with each tick. Where that protocol is
 * missing or refuses, the tick stays as it is and short sleeps take longer.
 */
#include "uefi/clock.h"
#include "uefi/interrupts.h"

#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/x86_64/cpu.h"

#include <stdbool.h>

/* Stall() this long, and take the shortest of so many: a busy host only makes them longer. */
#define STALL_US 10000u
#define STALLS 3

/* The finer tick, in the protocol's units of 100 ns. */
#define FINE_PERIOD (CLOCK_LATE_NS / 100)

/* For less than this, a halt would end far too late. */
#define SPIN_NS 50000u

/* UEFI Platform Initialization Specification 1.7, volume 2, "Timer Architectural Protocol". */
struct timer_arch {
	void *register_handler;
	EFI_STATUS(EFIAPI *set_period)(struct timer_arch *timer, UINT64 period);
	EFI_STATUS(EFIAPI *get_period)(struct timer_arch *timer, UINT64 *period);
	void *generate_soft_interrupt;
};

static struct {
	uint64_t start;           /* counter at zero time */
	uint64_t scale;           /* nanoseconds per count, times 2^32 */
	struct timer_arch *timer; /* NULL: the tick cannot be changed */
	UINT64 own_period;        /* the firmware's */
	UINT64 period;            /* now */
} clock;

static void calibrate(EFI_BOOT_SERVICES *services)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < STALLS; i++) {
		uint64_t before = x86_tsc(), passed;

		services->Stall(STALL_US);
		passed = x86_tsc() - before;
		if (passed < best)
			best = passed;
	}
	clock.start = x86_tsc();
	/* A counter that stands still must not make the division trap. */
	clock.scale = ((STALL_US * UINT64_C(1000)) << 32) / (best > 0 ? best : 1);
}

void clock_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	void *found;

	calibrate(services);
	if (EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		return;
	clock.timer = found;
	/* A period of 0: the timer is off. */
	if (EFI_ERROR(clock.timer->get_period(clock.timer, &clock.own_period)) ||
	    clock.own_period <= FINE_PERIOD)
		clock.timer = NULL;
	clock.period = clock.own_period;
}

static void set_period(UINT64 period)
{
	if (period == clock.period)
		return;
	if (EFI_ERROR(clock.timer->set_period(clock.timer, period)))
		clock.timer = NULL;
	else
		clock.period = period;
}

void clock_close(void)
{
	if (clock.timer != NULL)
		set_period(clock.own_period);
	clock.timer = NULL;
}

/* (age_ns): of the VM generation, at most. */
static uint64_t now_ns(uint64_t age_ns)
{
	uint64_t now = x86_ticks_to_ns(x86_tsc() - clock.start, clock.scale);

	bare_generation_refresh(now, age_ns);
	return now;
}

uint64_t arch_now_ns(void)
{
	return now_ns(BARE_GENERATION_RUNNING_NS);
}

void arch_relax(void)
{
	x86_pause();
}

/*
 * Halt until the next interrupt, unless a doorbell interrupt has come since (seen) was read. One
 * that comes after the check stays pending until sti, which takes effect after the next
 * instruction: so it ends the halt. Interrupts are on otherwise (UEFI Specification 2.10, 2.3.4).
 */
static void halt(uint32_t seen)
{
	x86_interrupts_off();
	if (arch_doorbells() == seen)
		x86_interrupts_on_and_halt();
	else
		x86_interrupts_on();
}

void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = arch_now_ns();
	bool doorbells = interrupts_on(), near;

	if (now >= deadline_ns)
		return;
	if (deadline_ns - now < SPIN_NS) {
		while (arch_doorbells() == seen && arch_now_ns() < deadline_ns)
			arch_relax();
		return;
	}
	near = deadline_ns - now < clock.own_period * 100;
	if (clock.timer != NULL)
		set_period(near && !doorbells ? FINE_PERIOD : clock.own_period);
	do
		halt(seen);
	while (now_ns(BARE_GENERATION_HALTED_NS) < deadline_ns && doorbells &&
	       arch_doorbells() == seen);
}
