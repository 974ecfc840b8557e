/* SPDX-License-Identifier: MIT */
/*
 * pairs.c - pairs of processors.
 */
#include "tune/pairs.h"

#include <sched.h>

uint32_t pairs_cpus(int cpus[CPUS_MOST])
{
	static cpu_set_t set[CPUS_MOST / CPU_SETSIZE];
	uint32_t count = 0;

	if (sched_getaffinity(0, sizeof(set), set) != 0)
		return 0;
	for (uint32_t cpu = 0; cpu < CPUS_MOST; cpu++)
		if (CPU_ISSET_S(cpu, sizeof(set), set))
			cpus[count++] = (int)cpu;
	return count;
}

static void add(struct pair *pairs, uint32_t *found, int first, int second)
{
	for (uint32_t i = 0; i < *found; i++)
		if (pairs[i].cpu[0] == first && pairs[i].cpu[1] == second)
			return;
	if (*found < PAIRS_MOST)
		pairs[(*found)++] = (struct pair){{first, second}};
}

uint32_t pairs_list(const int *cpus, uint32_t count, struct pair pairs[PAIRS_MOST])
{
	bool all = count < 2 || count * (count - 1) / 2 <= PAIRS_MOST;
	uint32_t found = 0, step = 1 + count / (PAIRS_MOST / 2);

	if (all) {
		for (uint32_t i = 0; i < count; i++)
			for (uint32_t k = i + 1; k < count; k++)
				add(pairs, &found, cpus[i], cpus[k]);
		return found;
	}
	/* A core's second thread has the next number, or the same one in the second half. */
	add(pairs, &found, cpus[0], cpus[1]);
	add(pairs, &found, cpus[0], cpus[count / 2]);
	add(pairs, &found, cpus[0], cpus[count - 1]);
	for (uint32_t k = 2; k < count - 1; k += step)
		add(pairs, &found, cpus[0], cpus[k]);
	for (uint32_t k = 1; k < count - 1; k += step)
		add(pairs, &found, cpus[k], cpus[k + 1]);
	return found;
}
