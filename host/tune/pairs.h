/* SPDX-License-Identifier: MIT */
/*
 * pairs.h - pairs of processors, one of each placement class that this machine has.
 */
#ifndef TUNE_PAIRS_H
#define TUNE_PAIRS_H

#include "tune/slice.h"

#include <stdint.h>

#define PAIRS_MOST 256u /* are tried: about a millisecond each */

struct pair {
	int cpu[2];
};

/* The processors that this process may use, in order: how many; 0: the reason is in errno. */
uint32_t pairs_cpus(int cpus[CPUS_MOST]);

/*
 * Pairs of (count) processors that are to be tried, at most PAIRS_MOST: all of them, or, of many
 * processors, the first with the others, and each with the next one. How many.
 */
uint32_t pairs_list(const int *cpus, uint32_t count, struct pair pairs[PAIRS_MOST]);

#endif
