/* SPDX-License-Identifier: MIT */
/*
 * place.c - classes of placement, and a pair of processors for each.
 *
 * Theory of operation: what two processors share decides what a line costs that goes from one to
 * the other, so measurements are comparable only inside one class. A ping-pong tells the class,
 * since a virtual machine's processors do not say where its host has them.
 */
#include "tests/bench/native/place.h"

#include <sched.h>

#define AGREE 0.15 /* two ping-pongs that differ by more: the host moved the processors */
#define TRIES 5u
#define PROCESSORS_MOST 64u

/* ns of a ping-pong, below: two threads of one core; two cores that share a cache or a die. */
const char *const place_names[CLASSES] = {"sibling", "cluster", "far"};
static const double below[CLASSES] = {75, 200, 1000};

uint32_t place_of(const struct slice *s)
{
	double difference = s->before > s->after ? s->before - s->after : s->after - s->before;
	uint32_t class = 0;

	while (class < CLASSES && s->before >= below[class])
		class ++;
	if (class < CLASSES && (s->after >= below[class] || difference > AGREE * s->before))
		class = CLASSES;
	return class;
}

/* The class of two processors now. */
static uint32_t class_of(int first, int second)
{
	struct slice s = {.contender = &bench_pingpong,
	    .mode = MODE_ROUNDTRIP,
	    .size = 8,
	    .count = BATCH,
	    .cpus = {first, second},
	    .calibrate = true};

	for (uint32_t i = 0; i < TRIES; i++)
		if (slice_run(&s) && place_of(&s) < CLASSES)
			return place_of(&s);
	return CLASSES;
}

/* This process's processors, (most) at the most. */
static uint32_t processors(int *cpus, uint32_t most)
{
	uint32_t count = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = cpu;
	return count;
}

bool place_first(int cpus[2])
{
	return processors(cpus, 2) == 2;
}

uint32_t place_pairs(int pairs[CLASSES][2])
{
	bool found[CLASSES] = {false};
	int cpus[PROCESSORS_MOST];
	uint32_t count = 0, all = processors(cpus, PROCESSORS_MOST);

	for (uint32_t i = 1; i < all; i++) {
		uint32_t class = class_of(cpus[0], cpus[i]);

		if (class == CLASSES || found[class])
			continue;
		found[class] = true;
		pairs[count][0] = cpus[0];
		pairs[count++][1] = cpus[i];
	}
	/* Too busy to tell: each slice tells its own class. */
	if (count == 0 && place_first(pairs[0]))
		count = 1;
	return count;
}
