/* SPDX-License-Identifier: MIT */
/*
 * registers.c - a case of bare_test.elf: an interrupt leaves the program's registers as they are.
 */
#include "bare/arch.h"
#include "tests/guest/bare.h"
#include "tests/lib/test.h"

#include <stdint.h>

#define ROUNDS 2000u

/* More values at once than any of the processors has registers for, so all of them are in use. */
#define EACH(f)                                                                               \
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15) \
	    f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27)

static uint64_t __attribute__((noinline)) compute(uint64_t seed)
{
#define DECLARE(n)                \
	uint64_t i##n = seed + n; \
	double d##n = (double)(seed * n);
#define STEP(n)                                         \
	i##n = (i##n ^ i##n >> 7) * 0x9e3779b97f4a7c15; \
	d##n = d##n * 0.75 + 1.0;
#define ADD(n) sum = (sum ^ i##n) * 31 + (uint64_t)(d##n * 1048576);
	EACH(DECLARE)
	uint64_t sum = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		EACH(STEP)
	}
	EACH(ADD)
	return sum;
}

/* Timer interrupts at all points of the same computation, which must have the same result. */
void test_registers(void)
{
	volatile uint64_t seed = 1; /* or the compiler calls compute() once for all */
	uint64_t start = arch_now_ns(), want = compute(seed), took = arch_now_ns() - start;
	unsigned wrong = 0;

	for (unsigned i = 0; i < 200; i++) {
		bare_interrupt_after(took * (i % 50) / 50);
		wrong += compute(seed) != want;
	}
	CHECK_EQ(wrong, 0);
}
