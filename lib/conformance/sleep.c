/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - D2.2 and D3.1 to D3.4: sleeps that no notification ends.
 *
 * What must be quick is tried several times, and the best one counts: the machine may be busy with
 * something else at any one of them.
 */
#include "conformance/check.h"

#define TRIES 5u
#define TRIES_MOST 50u /* while all of them were late */
#define SLEEP_NS (20 * MS)
#define LATE_NS (20 * MS)
#define LONG_NS (2000 * MS)
#define CALLS_MOST 200u /* in SLEEP_NS: a system's own interrupts may end each, 10 in a ms */

#define WATCH_NS (50 * MS) /* how long count() is watched */

static uint64_t now_of(const struct ivsh_doorbell *doorbell)
{
	return doorbell->now_ns(doorbell->ctx);
}

static uint32_t count_of(const struct ivsh_doorbell *doorbell)
{
	return doorbell->count(doorbell->ctx);
}

/* The shortest of three sleeps that have seen (more) than count() is, and (left_ns) to go. */
static uint64_t shortest(const struct ivsh_doorbell *doorbell, uint32_t more, uint64_t left_ns)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < 3 && least > AT_ONCE_NS; i++) {
		uint64_t start = now_of(doorbell), took;

		doorbell->sleep(
		    doorbell->ctx, count_of(doorbell) + more, left_ns == 0 ? 0 : start + left_ns);
		took = now_of(doorbell) - start;
		if (took < least)
			least = took;
	}
	return least;
}

static void check_count(struct run *run, const struct ivsh_doorbell *doorbell)
{
	uint64_t end = now_of(doorbell) + WATCH_NS;
	uint32_t before = count_of(doorbell), after;

	ivsh_check_begins(run, D2_2_NOTHING_ELSE);
	while (now_of(doorbell) < end)
		doorbell->sleep(doorbell->ctx, count_of(doorbell), now_of(doorbell) + WATCH_NS / 5);
	after = count_of(doorbell);
	ivsh_check_holds(run, D2_2_NOTHING_ELSE, after == before, "more without a notification",
	    after - before, 0);
}

/* Sleep until (deadline_ns), again after each early return. Answers the count of calls. */
static uint32_t sleep_to(const struct ivsh_doorbell *doorbell, uint64_t deadline_ns)
{
	uint32_t calls = 0;

	do {
		doorbell->sleep(doorbell->ctx, count_of(doorbell), deadline_ns);
		calls++;
	} while (now_of(doorbell) < deadline_ns && calls < UINT32_MAX);
	return calls;
}

/* Sleeps to a deadline. Answers the least count of calls, as each may return early. */
static uint32_t check_deadline(struct run *run, const struct ivsh_doorbell *doorbell)
{
	uint64_t late_ns = run->check->late_ns != 0 ? run->check->late_ns : LATE_NS;
	uint64_t least_late = UINT64_MAX;
	uint32_t least_calls = UINT32_MAX;

	ivsh_check_begins(run, D3_3_LATE);
	for (uint32_t i = 0; i < TRIES || (i < TRIES_MOST && least_late > late_ns); i++) {
		uint64_t deadline_ns = now_of(doorbell) + SLEEP_NS, late;
		uint32_t calls = sleep_to(doorbell, deadline_ns);

		late = now_of(doorbell) - deadline_ns;
		if (late < least_late)
			least_late = late;
		if (calls < least_calls)
			least_calls = calls;
	}
	ivsh_check_holds(run, D3_3_LATE, least_late <= late_ns, "nanoseconds late, each time",
	    least_late, late_ns);
	return least_calls;
}

/* The deadlines first: a sleep that never ends has that name. */
void ivsh_check_sleep(struct run *run, const struct ivsh_doorbell *doorbell, bool wakes)
{
	uint32_t calls;
	uint64_t took;

	if (!ivsh_check_usable(run, D2_2_NOTHING_ELSE, D1_4_WIDE)) {
		for (uint32_t i = D3_1_SEEN; i <= D3_4_YIELDS; i++)
			(void)ivsh_check_usable(run, (enum clause)i, D1_4_WIDE);
		return;
	}
	calls = check_deadline(run, doorbell);
	ivsh_check_begins(run, D3_2_PASSED);
	took = shortest(doorbell, 0, 0);
	ivsh_check_holds(run, D3_2_PASSED, took <= AT_ONCE_NS, "nanoseconds", took, AT_ONCE_NS);
	check_count(run, doorbell);
	if (ivsh_check_usable(run, D3_4_YIELDS, D2_2_NOTHING_ELSE))
		ivsh_check_holds(run, D3_4_YIELDS, calls <= CALLS_MOST,
		    "calls until 20 ms have passed, as each returns early", calls, CALLS_MOST);
	if (!wakes) {
		ivsh_check_skips(run, D3_1_SEEN, "no notification can come");
	} else if (ivsh_check_usable(run, D3_1_SEEN, D2_2_NOTHING_ELSE)) {
		ivsh_check_begins(run, D3_1_SEEN);
		/* Below, and above: count() overflows, and a comparison of sizes is wrong then. */
		took = shortest(doorbell, UINT32_MAX, LONG_NS);
		if (took <= AT_ONCE_NS)
			took = shortest(doorbell, 1, LONG_NS);
		ivsh_check_holds(
		    run, D3_1_SEEN, took <= AT_ONCE_NS, "nanoseconds", took, AT_ONCE_NS);
	}
}
