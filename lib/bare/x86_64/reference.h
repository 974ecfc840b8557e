/* SPDX-License-Identifier: MIT */
/*
 * reference.h - clocks whose frequency is known, to calibrate others by.
 */
#ifndef X86_REFERENCE_H
#define X86_REFERENCE_H

#include <stdint.h>

struct x86_reference {
	uint32_t (*open)(void);  /* ticks a second; 0: the clock is missing */
	uint32_t (*ticks)(void); /* counts up */
	uint32_t mask;           /* the bits that count */
	uint32_t ms;             /* length of a measurement: far shorter than until a wrap-around */
	uint32_t rounds;         /* measurements at most */
	uint32_t precision;      /* two that agree differ by at most one part in so many */
	/*
	 * A clock that is not where a measurement ends after so many reads, and so many ticks of
	 * the TSC too, does not count. Neither number alone is a time: fast processors read in less
	 * of it, and a TSC has any frequency up to some 6 GHz.
	 */
	uint32_t idle_reads;
	uint64_t idle_tsc;
};

#define X86_REFERENCES 5u

/* In the order of preference. */
extern const struct x86_reference x86_references[X86_REFERENCES];

#endif
