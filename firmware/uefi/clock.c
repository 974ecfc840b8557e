/* SPDX-License-Identifier: MIT */
/*
 * clock.c - time and sleep: the processor's counter, and a halt.
 *
 * Theory of operation. Not all firmware has a clock finer than a second, so time is the processor's
 * counter. A sleep halts the processor until the next interrupt: a doorbell's, or the firmware's
 * timer tick. OVMF and AAVMF tick every 10 ms, which is enough for a peer that doorbells wake. A
 * polling peer reads memory between its sleeps; for it the Timer Architectural Protocol sets a
 * finer tick, until the next long sleep. A tick costs the host 0.1 to 0.3 ms under TCG (QEMU 7.2,
 * OVMF 2022.11): with ticks of 3 ms a waiting guest takes less than a tenth of a core, with the
 * firmware's own 4 %. The firmware's time stays right, but for a fraction of a tick at each change,
 * because its driver reports the time passed with each tick. Where that protocol is missing or
 * refuses, the tick stays as it is and short sleeps take longer.
 */
#include "uefi/clock.h"
#include "uefi/counter.h"
#include "uefi/interrupts.h"

#include "bare/arch.h"
#include "bare/generation.h"
#include "device/relax.h"

#include <stdbool.h>

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
	struct timer_arch *timer; /* NULL: the tick cannot be changed */
	UINT64 own_period;        /* the firmware's */
	UINT64 period;            /* now */
} clock;

void clock_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	void *found;

	counter_open(services);
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
	uint64_t now = counter_ns();

	bare_generation_refresh(now, age_ns);
	return now;
}

uint64_t arch_now_ns(void)
{
	return now_ns(BARE_GENERATION_RUNNING_NS);
}

void arch_sleep(uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = arch_now_ns();
	bool doorbells = interrupts_on(), near;

	if (now >= deadline_ns)
		return;
	if (deadline_ns - now < SPIN_NS) {
		while (arch_doorbells() == seen && arch_now_ns() < deadline_ns)
			relax_processor();
		return;
	}
	near = deadline_ns - now < clock.own_period * 100;
	if (clock.timer != NULL)
		set_period(near && !doorbells ? FINE_PERIOD : clock.own_period);
	do
		counter_halt(seen);
	while (now_ns(BARE_GENERATION_HALTED_NS) < deadline_ns && doorbells &&
	       arch_doorbells() == seen);
}
