/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time from the register time, and sleeping with the timer of S-mode.
 *
 * Where the processor has stimecmp (the Sstc extension), that is the timer. Otherwise it is the
 * SBI's set_timer, which firmware or mmode.S answers.
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/riscv64/riscv.h"
#include "bare/virt/virt.h"
#include "device/relax.h"

#define NS_PER_S UINT64_C(1000000000)

/* For less than this, arming the timer and halting takes too long. */
#define SPIN_NS 20000u
/* The longest halt without a look at the VM generation. */
#define HALT_NS_MAX NS_PER_S
#define NEVER UINT64_MAX

/* A CLINT has the times of all processors in its second part (QEMU, hw/intc/riscv_aclint.c). */
#define CLINT_MTIMECMP 0x4000u

static uint64_t start;
static uint64_t ns_per_tick;  /* times 2^32 */
static uint64_t ticks_per_ns; /* times 2^32 */
static bool has_stimecmp;
static bool has_timer;

static uint64_t scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> 32);
}

static bool set_timer(uint64_t time)
{
	if (!has_stimecmp)
		return rv_sbi(RV_SBI_TIME, 0, time, 0) == 0;
	__asm__ volatile("csrw " RV_TEXT(RV_CSR_STIMECMP) ", %0" : : "r"(time) : "memory");
	return true;
}

/* Where mmode.S finds this processor's timer. */
static uint64_t find_mtimecmp(void)
{
	const struct bare_dtb *dtb = virt_dtb();
	struct bare_dtb_range range;
	uint32_t node = bare_dtb_compatible(dtb, 0, "riscv,aclint-mtimer");

	if (node != 0)
		return bare_dtb_reg(dtb, node, 1, &range) ? range.address + 8 * rv_hart : 0;
	node = bare_dtb_compatible(dtb, 0, "riscv,clint0");
	if (node == 0)
		node = bare_dtb_compatible(dtb, 0, "sifive,clint0");
	if (node == 0 || !bare_dtb_reg(dtb, node, 0, &range))
		return 0;
	return range.address + CLINT_MTIMECMP + 8 * rv_hart;
}

void rv_clock_init(void)
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t hz = bare_dtb_number(dtb, bare_dtb_path(dtb, "/cpus"), "timebase-frequency", 0);

	if (hz == 0)
		rv_fatal("clock: the device tree has no timebase-frequency in /cpus");
	ns_per_tick = (NS_PER_S << 32) / hz;
	ticks_per_ns = ((uint64_t)hz << 32) / NS_PER_S;
	start = rv_time();
	has_stimecmp = rv_has_stimecmp();
	if (!has_stimecmp && !rv_has_firmware)
		rv_mtimecmp = find_mtimecmp();
	has_timer = set_timer(NEVER);
	if (!has_timer)
		rv_print("clock: no timer that can interrupt: sleeping spins\n");
	rv_set(sie, UINT64_C(1) << RV_INTERRUPT_TIMER);
	rv_interrupts_on();
}

/* (age_ns): of the VM generation, at most. */
static uint64_t now_ns(uint64_t age_ns)
{
	uint64_t now = scale(rv_time() - start, ns_per_tick);

	bare_generation_refresh(now, age_ns);
	return now;
}

uint64_t arch_now_ns(void)
{
	return now_ns(BARE_GENERATION_RUNNING_NS);
}

/* The interrupt itself ends the halt. It stays pending until the timer is set anew. */
void rv_timer_interrupt(void)
{
	set_timer(NEVER);
}

static void arm(uint64_t ns)
{
	set_timer(rv_time() + scale(ns < HALT_NS_MAX ? ns : HALT_NS_MAX, ticks_per_ns));
}

/*
 * A doorbell interrupt between the read of the count and the halt would not end the halt. So
 * interrupts are off in between: the doorbell's or the timer's is then pending, and a pending one
 * ends wfi, taken or not (Privileged 3.3.3).
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
		rv_interrupts_off();
		if (arch_doorbells() == seen) {
			arm(deadline_ns - now);
			rv_wait();
		}
		rv_interrupts_on();
		now = now_ns(BARE_GENERATION_HALTED_NS);
	}
}
