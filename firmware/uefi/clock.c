/* SPDX-License-Identifier: MIT */
/*
 * clock.c - time and sleep: the processor's time stamp counter, and hlt.
 *
 * Theory of operation. Boot services have a timer event, but no clock finer than a second that
 * all firmware has, so time is the time stamp counter, measured once against Stall(). To sleep is
 * to halt until the next interrupt: a bell, or the firmware's tick, which comes in any case. OVMF
 * ticks every 10 ms, and a peer that bells wake leaves it so. Whoever polls looks at memory
 * between its sleeps; for them the Timer Architectural Protocol makes the tick finer, until the
 * next long sleep. A tick costs the host 0.1 to 0.3 ms under TCG (QEMU 7.2, OVMF 2022.11): one of
 * 3 ms keeps a guest that only waits under a tenth of a core, the firmware's own takes 4 % of
 * one. Firmware keeps its own time meanwhile, but for a fraction of a tick at each change, as its
 * driver reports the time passed with each tick. Where that protocol is missing or refuses, the
 * tick stays and short sleeps are longer.
 */
#include "uefi/clock.h"
#include "uefi/interrupts.h"

#include <stdbool.h>

/* Stall() this long, and take the fastest of so many: being held up only ever makes one longer. */
#define STALL_US 10000u
#define STALLS 3

/* The finer tick, in the protocol's units of 100 ns. */
#define FINE_PERIOD (CLOCK_LATE_NS / 100)

/* Below this a halt would oversleep by far more than it could save. */
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
	struct timer_arch *timer; /* NULL: the tick is not ours to change */
	UINT64 own_period;        /* the firmware's */
	UINT64 period;            /* now */
} clock;

static uint64_t counter(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static void measure(EFI_BOOT_SERVICES *services)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < STALLS; i++) {
		uint64_t before = counter(), passed;

		services->Stall(STALL_US);
		passed = counter() - before;
		if (passed < best)
			best = passed;
	}
	clock.start = counter();
	/* A counter slower than 100 Hz is none; the division must not trap on it. */
	clock.scale = ((STALL_US * UINT64_C(1000)) << 32) / (best > 0 ? best : 1);
}

void clock_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	void *found;

	measure(services);
	if (EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		return;
	clock.timer = found;
	/* A period of 0 is a timer that is off. */
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

uint64_t clock_now_ns(void *ctx)
{
	(void)ctx;
	return (uint64_t)((unsigned __int128)(counter() - clock.start) * clock.scale >> 32);
}

void clock_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile("pause" : : : "memory");
}

/*
 * Halt until the next interrupt, unless a bell has come since (seen) was read. One that comes
 * after the check waits for sti, which takes effect after the instruction behind it: none can
 * come between the two and be slept through. Interrupts are on otherwise (UEFI Specification
 * 2.10, 2.3.4).
 */
static void halt(uint32_t seen)
{
	__asm__ volatile("cli" : : : "memory");
	if (interrupts_count(NULL) == seen)
		__asm__ volatile("sti; hlt" : : : "memory");
	else
		__asm__ volatile("sti" : : : "memory");
}

void clock_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(ctx);
	bool bells = interrupts_on(), near;

	if (now >= deadline_ns)
		return;
	if (deadline_ns - now < SPIN_NS) {
		while (interrupts_count(ctx) == seen && clock_now_ns(ctx) < deadline_ns)
			clock_relax(ctx);
		return;
	}
	near = deadline_ns - now < clock.own_period * 100;
	if (clock.timer != NULL)
		set_period(near && !bells ? FINE_PERIOD : clock.own_period);
	do
		halt(seen);
	while (bells && interrupts_count(ctx) == seen && clock_now_ns(ctx) < deadline_ns);
}
