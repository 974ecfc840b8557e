/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - D2.1, D3.5, D4 and D5: notifications that this peer sends to itself.
 *
 * A notification to one's own slot takes the path of one from another peer: the device writes the
 * message of the vector, or the eventfd becomes readable.
 */
#include "conformance/check.h"

#include <stddef.h>

#define ARRIVE_NS (1000 * MS) /* what has not come by then does not come */
#define FIRST_TRIES 4u        /* of a count() that loses some, one arrives */
#define SETTLE_NS (5 * MS)    /* what comes twice has come by then */

#define ONES 16u
#define MANY 260u    /* more than a counter of 8 bits can tell, or a semaphore holds */
#define ROUNDS 4000u /* as many as there is time for, and at least: */
#define ROUNDS_LEAST 200u
#define ROUNDS_NS (500 * MS)
#define DEADLINE_NS (2000 * MS) /* a busy machine is not late by as much */

#define ABSENT_PEER 0xfffeu
#define ABSENT_TIMES 16u
#define ABSENT_TRIES 4u /* the quickest counts: the machine may be busy with something else */

static uint64_t now_of(const struct ivsh_doorbell *doorbell)
{
	return doorbell->now_ns(doorbell->ctx);
}

static uint32_t count_of(const struct ivsh_doorbell *doorbell)
{
	return doorbell->count(doorbell->ctx);
}

/* Let (ns) pass, or less: until count() differs from (seen). Answers whether it does. */
static bool differs(const struct ivsh_doorbell *doorbell, uint32_t seen, uint64_t ns)
{
	uint64_t end = now_of(doorbell) + ns;

	/* Short sleeps: that a notification ends one is another clause. */
	while (count_of(doorbell) == seen && now_of(doorbell) < end)
		doorbell->sleep(doorbell->ctx, seen, now_of(doorbell) + MS);
	return count_of(doorbell) != seen;
}

static void settle(const struct ivsh_doorbell *doorbell)
{
	uint64_t end = now_of(doorbell) + SETTLE_NS;

	while (now_of(doorbell) < end)
		doorbell->sleep(doorbell->ctx, count_of(doorbell), end);
}

/* Notify ourselves by (vector), and wait. Answers by how much count() has grown. */
static uint32_t notify_once(const struct ivsh_mem *mem, uint32_t vector)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint32_t before = count_of(doorbell);

	doorbell->notify(doorbell->ctx, mem->self, vector);
	if (differs(doorbell, before, ARRIVE_NS))
		settle(doorbell);
	return count_of(doorbell) - before;
}

static void check_first(struct run *run, const struct ivsh_mem *mem, enum clause arrives)
{
	uint32_t grown = 0;

	ivsh_check_begins(run, arrives);
	for (uint32_t i = 0; i < FIRST_TRIES && grown == 0; i++)
		grown = notify_once(mem, 0);
	ivsh_check_holds(run, arrives, grown != 0, "of four notifications to itself arrived", 0, 1);
}

static void check_ones(struct run *run, const struct ivsh_mem *mem)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint32_t grown = 1, before;

	ivsh_check_begins(run, D2_1_ONE);
	for (uint32_t i = 0; i < ONES && grown == 1; i++)
		grown = notify_once(mem, 0);
	if (grown != 1) {
		ivsh_check_breaks(run, D2_1_ONE, "more behind one notification", grown, 1);
		return;
	}
	before = count_of(doorbell);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t seen = count_of(doorbell);

		doorbell->notify(doorbell->ctx, mem->self, 0);
		if (!differs(doorbell, seen, ARRIVE_NS))
			break;
	}
	grown = count_of(doorbell) - before;
	ivsh_check_holds(
	    run, D2_1_ONE, grown == MANY, "more behind many notifications", grown, MANY);
}

/* A round: a notification, a short time of polling, and a sleep. False: nothing ended the sleep. */
static bool wakes(const struct ivsh_mem *mem, uint64_t spin_ns)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint32_t seen = count_of(doorbell);
	uint64_t start = now_of(doorbell);

	doorbell->notify(doorbell->ctx, mem->self, 0);
	while (now_of(doorbell) - start < spin_ns)
		;
	/* It may return early for no reason. */
	do
		doorbell->sleep(doorbell->ctx, seen, start + DEADLINE_NS);
	while (count_of(doorbell) == seen && now_of(doorbell) - start < DEADLINE_NS);
	return now_of(doorbell) - start < DEADLINE_NS;
}

/* How long a notification takes to a peer that polls: the shortest of some. */
static uint64_t latency(const struct ivsh_mem *mem)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint64_t shortest = MS;

	for (uint32_t i = 0; i < ONES; i++) {
		uint32_t seen = count_of(doorbell);
		uint64_t start = now_of(doorbell), took = 0;

		doorbell->notify(doorbell->ctx, mem->self, 0);
		while (count_of(doorbell) == seen && took < MS)
			took = now_of(doorbell) - start;
		if (took < shortest)
			shortest = took;
		(void)differs(doorbell, seen, ARRIVE_NS);
	}
	return shortest;
}

/*
 * The polling makes the notification come anywhere: before the sleep looks at count(), between
 * that and the halt, and during the halt. It lasts up to 2 to 4 times as long as a notification
 * takes.
 */
static void check_wakes(struct run *run, const struct ivsh_mem *mem)
{
	uint64_t start = now_of(&mem->doorbell), took;
	uint32_t round = 0, noise = 1, mask = 1;
	bool good = true;

	ivsh_check_begins(run, D3_5_ENDS);
	took = latency(mem);
	while (mask < 2 * took)
		mask = mask << 1 | 1;
	while (good && round < ROUNDS &&
	       (round < ROUNDS_LEAST || now_of(&mem->doorbell) - start < ROUNDS_NS)) {
		noise = noise * 1664525u + 1013904223u; /* Numerical Recipes, 7.1 */
		good = wakes(mem, noise >> 8 & mask);
		round += good;
	}
	ivsh_check_holds(
	    run, D3_5_ENDS, good, "sleeps had ended in time before one did not", round, ROUNDS);
}

static void check_absent(struct run *run, const struct ivsh_mem *mem)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint32_t before = count_of(doorbell);
	uint64_t took = UINT64_MAX;

	ivsh_check_begins(run, D4_2_AT_ONCE);
	for (uint32_t try = 0; try < ABSENT_TRIES && took >= 5 * MS; try++) {
		uint64_t start = now_of(doorbell);

		for (uint32_t i = 0; i < ABSENT_TIMES; i++)
			doorbell->notify(doorbell->ctx, ABSENT_PEER, 0);
		took = (now_of(doorbell) - start) / ABSENT_TIMES;
	}
	ivsh_check_holds(run, D4_2_AT_ONCE, took < 5 * MS, "nanoseconds each", took, 5 * MS);
	ivsh_check_begins(run, D4_3_ABSENT);
	doorbell->notify(doorbell->ctx, UINT32_MAX, UINT32_MAX);
	doorbell->notify(doorbell->ctx, UINT32_MAX, 0);
	doorbell->notify(doorbell->ctx, mem->self | 0x10000u, 0);
	doorbell->notify(doorbell->ctx, mem->self, UINT32_MAX);
	doorbell->notify(doorbell->ctx, mem->self, 0x10000u);
	(void)differs(doorbell, before, 4 * SETTLE_NS);
	ivsh_check_holds(run, D4_3_ABSENT, count_of(doorbell) == before,
	    "more, though nobody was notified", count_of(doorbell) - before, 0);
}

static void check_recheck(struct run *run, const struct ivsh_mem *mem)
{
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint32_t self = mem->self;
	int error;

	if (doorbell->recheck == NULL) {
		ivsh_check_skips(run, D5_1_RECHECK, "there is nothing to check");
		return;
	}
	ivsh_check_begins(run, D5_1_RECHECK);
	error = doorbell->recheck(doorbell->ctx, &self);
	if (error != 0)
		ivsh_check_breaks(
		    run, D5_1_RECHECK, "is the error it answered, below 0", (uint64_t)-error, 0);
	else if (self != mem->self)
		ivsh_check_breaks(run, D5_1_RECHECK, "is the slot behind it", self, mem->self);
	else
		ivsh_check_holds(run, D5_1_RECHECK, notify_once(mem, 0) != 0,
		    "a notification behind it does not arrive", 0, 0);
}

/* Only vector 0 is sure to be served, unless the caller says how many are. */
static void check_each(struct run *run, const struct ivsh_mem *mem, enum clause each)
{
	uint32_t served = run->check->vectors, all = mem->doorbell.vectors, vector = 1;

	if (served != 0 && served < all)
		all = served;
	ivsh_check_begins(run, each);
	while (vector < all && notify_once(mem, vector) == 1)
		vector++;
	if (vector == all || served != 0)
		ivsh_check_holds(run, each, vector == all, "vectors notify", vector, all);
	else
		ivsh_check_skips(
		    run, each, "a vector that does not notify may be one that nobody serves");
}

void ivsh_check_doorbell(
    struct run *run, const struct ivsh_mem *mem, enum clause arrives, enum clause each)
{
	if ((run->unusable >> D2_2_NOTHING_ELSE & 1) != 0) {
		ivsh_skip_doorbell(run, arrives, each, WHY_NEEDS);
		return;
	}
	check_first(run, mem, arrives);
	if (ivsh_check_usable(run, D2_1_ONE, arrives))
		check_ones(run, mem);
	if (ivsh_check_usable(run, D3_5_ENDS, D2_1_ONE))
		check_wakes(run, mem);
	if (ivsh_check_usable(run, each, D2_1_ONE))
		check_each(run, mem, each);
	if (ivsh_check_usable(run, D5_1_RECHECK, D2_1_ONE))
		check_recheck(run, mem);
	check_absent(run, mem);
}

void ivsh_skip_doorbell(struct run *run, enum clause arrives, enum clause each, const char *why)
{
	ivsh_check_skips(run, arrives, why);
	ivsh_check_skips(run, D2_1_ONE, why);
	ivsh_check_skips(run, D3_5_ENDS, why);
	ivsh_check_skips(run, each, why);
	ivsh_check_skips(run, D4_2_AT_ONCE, why);
	ivsh_check_skips(run, D4_3_ABSENT, why);
	ivsh_check_skips(run, D5_1_RECHECK, why);
}
