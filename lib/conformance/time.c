/* SPDX-License-Identifier: MIT */
/*
 * time.c - D1: a clock that never goes back, advances, and counts nanoseconds.
 *
 * The unit is checked without a second clock: no processor makes a call within half a nanosecond,
 * so a thousand readings take 500 nanoseconds or more. A clock that counts microseconds or
 * milliseconds shows less. One that is wrong by less, as by a factor of two, is not found.
 */
#include "conformance/check.h"

#define READINGS 1000000u
#define ENOUGH_NS (50 * MS) /* the readings end by then: with a clock of 10 ms after five steps */

#define BATCHES 16u
#define BATCH 20000u

#define STEP_MOST_NS (20 * MS)

/* What is seen of a clock that is read again and again. */
struct seen {
	uint64_t start, last;
	uint64_t back; /* by how much it went back at most; 0: never */
	uint64_t readings;
};

static struct seen watch(const struct ivsh_doorbell *doorbell)
{
	struct seen seen = {0};

	seen.start = seen.last = doorbell->now_ns(doorbell->ctx);
	while (seen.readings < READINGS && seen.last - seen.start < ENOUGH_NS) {
		uint64_t now = doorbell->now_ns(doorbell->ctx);

		if (now < seen.last && seen.last - now > seen.back)
			seen.back = seen.last - now;
		if (now > seen.last)
			seen.last = now;
		seen.readings++;
	}
	return seen;
}

/* Whether it advances, in a time that fast readings may not fill: up to twenty times as many. */
static bool advances(const struct ivsh_doorbell *doorbell)
{
	uint64_t start = doorbell->now_ns(doorbell->ctx);

	for (uint32_t i = 0; i < 20 * READINGS; i++)
		if (doorbell->now_ns(doorbell->ctx) != start)
			return true;
	return false;
}

/* How far it got in so many readings. */
struct ratio {
	uint64_t got, readings;
};

/* Read it until it differs from (before). */
static uint64_t next(const struct ivsh_doorbell *doorbell, uint64_t before, uint64_t *readings)
{
	uint64_t now = before;

	while (now == before) {
		now = doorbell->now_ns(doorbell->ctx);
		++*readings;
	}
	return now;
}

/*
 * Read it many times, from one of its steps to another: several times, until it gets less far than
 * half a nanosecond for each reading, as a machine that is busy otherwise reads more slowly.
 */
static struct ratio measure(const struct ivsh_doorbell *doorbell)
{
	struct ratio seen = {0, 0};

	for (uint32_t i = 0; i < BATCHES && seen.got >= seen.readings / 2; i++) {
		uint64_t ignored = 0, now = 0;
		uint64_t start = next(doorbell, doorbell->now_ns(doorbell->ctx), &ignored);

		for (seen.readings = 0; seen.readings < BATCH; seen.readings++)
			now = doorbell->now_ns(doorbell->ctx);
		now = next(doorbell, now, &seen.readings);
		seen.got = now - start;
	}
	return seen;
}

/* The shortest of some steps of the clock. */
static uint64_t step(const struct ivsh_doorbell *doorbell)
{
	uint64_t least = UINT64_MAX, before = doorbell->now_ns(doorbell->ctx);

	for (uint32_t steps = 0; steps < 4;) {
		uint64_t now = doorbell->now_ns(doorbell->ctx);

		if (now == before)
			continue;
		if (steps > 0 && now - before < least)
			least = now - before;
		before = now;
		steps++;
	}
	return least;
}

/* D1.1 to D1.3. */
static void check_steps(struct run *run, const struct ivsh_doorbell *doorbell)
{
	struct seen seen;
	struct ratio ratio;
	bool moves;

	ivsh_check_begins(run, D1_1_BACK);
	seen = watch(doorbell);
	ivsh_check_holds(run, D1_1_BACK, seen.back == 0, "nanoseconds back", seen.back, 0);
	ivsh_check_begins(run, D1_2_ADVANCES);
	moves = advances(doorbell);
	if (!moves) {
		ivsh_check_breaks(
		    run, D1_2_ADVANCES, "readings, and all are the same", 20 * READINGS, 0);
	} else {
		uint64_t least = step(doorbell);

		ivsh_check_holds(run, D1_2_ADVANCES, least <= STEP_MOST_NS,
		    "nanoseconds are its least step", least, STEP_MOST_NS);
	}
	if (!ivsh_check_usable(run, D1_3_UNIT, D1_1_BACK) ||
	    !ivsh_check_usable(run, D1_3_UNIT, D1_2_ADVANCES))
		return;
	ivsh_check_begins(run, D1_3_UNIT);
	ratio = measure(doorbell);
	ivsh_check_holds(run, D1_3_UNIT, ratio.got >= ratio.readings / 2,
	    "is how far it got in twice as many readings, each half a nanosecond or more",
	    ratio.got, ratio.readings / 2);
}

/*
 * A clock of 32 bits, or one that is computed in 32, goes back when it passes 2^32. One that is
 * above already is neither; another is there after 4.3 seconds at most.
 */
static void check_wide(struct run *run, const struct ivsh_doorbell *doorbell)
{
	uint64_t last = 0, now = doorbell->now_ns(doorbell->ctx);

	ivsh_check_begins(run, D1_4_WIDE);
	while (now >= last && now <= UINT32_MAX) {
		last = now;
		now = doorbell->now_ns(doorbell->ctx);
	}
	ivsh_check_holds(run, D1_4_WIDE, now >= last, "comes behind the other one", now, last);
}

void ivsh_check_time(struct run *run, const struct ivsh_doorbell *doorbell)
{
	check_steps(run, doorbell);
	if (ivsh_check_usable(run, D1_4_WIDE, D1_3_UNIT))
		check_wide(run, doorbell);
}
