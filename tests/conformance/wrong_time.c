/* SPDX-License-Identifier: MIT */
/*
 * wrong_time.c - clocks, sleeps and counts as ports get them wrong.
 */
#include "tests/conformance/wrong.h"

#include <stddef.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

static uint64_t now(void)
{
	return real->now_ns(real->ctx);
}

static uint32_t count(void)
{
	return real->count(real->ctx);
}

static void sleep_real(uint32_t seen, uint64_t deadline_ns)
{
	real->sleep(real->ctx, seen, deadline_ns);
}

/* --- Clocks ----------------------------------------------------------------------------------- */

/* As on two processors whose counters differ. */
static uint64_t now_back(void *ctx)
{
	static uint32_t calls;

	(void)ctx;
	return calls++ % 64 == 63 ? now() - MS : now();
}

static void make_back(struct ivsh_platform *platform)
{
	platform->now_ns = now_back;
}

static uint64_t now_us(void *ctx)
{
	(void)ctx;
	return now() / US;
}

static void sleep_us(void *ctx, uint32_t seen, uint64_t deadline_us)
{
	(void)ctx;
	sleep_real(seen, deadline_us * US);
}

static void make_us(struct ivsh_platform *platform)
{
	platform->now_ns = now_us;
	platform->sleep = sleep_us;
}

/* As of a timer that ticks ten times a second. */
static uint64_t now_coarse(void *ctx)
{
	(void)ctx;
	return now() / (100 * MS) * (100 * MS);
}

static void make_coarse(struct ivsh_platform *platform)
{
	platform->now_ns = now_coarse;
}

/* It advances only when it is read, as an emulation of one does. */
static uint64_t now_stands(void *ctx)
{
	(void)ctx;
	return 1000 * MS;
}

static void make_stands(struct ivsh_platform *platform)
{
	platform->now_ns = now_stands;
}

static uint64_t base; /* of the clocks below: the real time when they were made */

/* As of ticks that are multiplied in 32 bits. */
static uint64_t now_narrow(void *ctx)
{
	(void)ctx;
	return (uint32_t)(now() - base);
}

static void sleep_narrow(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint64_t at = now_narrow(ctx);

	if (at < deadline_ns)
		sleep_real(seen, now() + (deadline_ns - at));
}

static void make_clock_narrow(struct ivsh_platform *platform)
{
	base = now();
	platform->now_ns = now_narrow;
	platform->sleep = sleep_narrow;
}

/* Nothing is wrong with a tick of 10 ms, if sleeps end at the next one. */
#define TICK (10 * MS)

static uint64_t now_tick(void *ctx)
{
	(void)ctx;
	return now() / TICK * TICK;
}

static void sleep_tick(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	if (now_tick(ctx) < deadline_ns)
		sleep_real(seen, (deadline_ns + TICK - 1) / TICK * TICK);
}

static void make_tick(struct ivsh_platform *platform)
{
	platform->now_ns = now_tick;
	platform->sleep = sleep_tick;
}

const struct wrong wrong_clock[] = {
    {"the clock goes back", make_back, "D1.1", NULL},
    {"the clock counts microseconds", make_us, "D1.3", NULL},
    {"the clock ticks ten times a second", make_coarse, "D1.2", NULL},
    {"the clock stands", make_stands, "D1.2", NULL},
    {"the clock has 32 bits", make_clock_narrow, "D1.4", NULL},
    {"right: the clock ticks every 10 ms", make_tick, "", NULL},
    {NULL, NULL, NULL, NULL},
};

/* --- Sleeps ----------------------------------------------------------------------------------- */

/* As a delay of the system's, which knows of no interrupt. */
static void sleep_deaf(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx, (void)seen;
	while (now() < deadline_ns)
		sleep_real(count(), deadline_ns);
}

static void make_deaf(struct ivsh_platform *platform)
{
	platform->sleep = sleep_deaf;
}

/*
 * It looks at the count, and only then begins to wait: what comes between the two is missed. The
 * time between is so long that a doorbell comes in it on a busy host, too.
 */
static void sleep_race(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint64_t start = now();

	(void)ctx;
	if (count() != seen)
		return;
	while (now() - start < 20 * MS)
		;
	sleep_real(count(), deadline_ns);
}

static void make_race(struct ivsh_platform *platform)
{
	platform->sleep = sleep_race;
}

/* As of a timer whose ticks are rounded up, and are long. */
static void sleep_late(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	if (now() < deadline_ns)
		sleep_real(seen, deadline_ns + 60 * MS);
}

static void make_late(struct ivsh_platform *platform)
{
	platform->sleep = sleep_late;
}

static void sleep_never(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx, (void)seen, (void)deadline_ns;
}

static void make_never(struct ivsh_platform *platform)
{
	platform->sleep = sleep_never;
}

/* A deadline that has passed is taken for a long time: the difference is unsigned. */
static void sleep_passed(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	sleep_real(seen, now() >= deadline_ns ? now() + 300 * MS : deadline_ns);
}

static void make_passed(struct ivsh_platform *platform)
{
	platform->sleep = sleep_passed;
}

/* It takes the count for one that only grows: 0xffffffff is not above what comes behind it. */
static void sleep_ordered(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint32_t counted = count();

	(void)ctx;
	if (counted <= seen)
		sleep_real(counted, deadline_ns);
}

static void make_ordered(struct ivsh_platform *platform)
{
	platform->sleep = sleep_ordered;
}

/* --- Counts ----------------------------------------------------------------------------------- */

static uint32_t extra; /* what a count has more than the real one */
static uint32_t first; /* the real count when the platform was made */

static uint32_t count_half(void *ctx)
{
	(void)ctx;
	return (count() - first) / 2;
}

static void sleep_half(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	while (count_half(ctx) == seen && now() < deadline_ns)
		sleep_real(count(), deadline_ns);
}

static void make_half(struct ivsh_platform *platform)
{
	first = count();
	platform->count = count_half;
	platform->sleep = sleep_half;
}

/* The handler sets it, as it would a flag. */
static uint32_t count_flag(void *ctx)
{
	(void)ctx;
	return count() != first;
}

static void sleep_flag(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	while (count_flag(ctx) == seen && now() < deadline_ns)
		sleep_real(count(), deadline_ns);
}

static void make_flag(struct ivsh_platform *platform)
{
	first = count();
	platform->count = count_flag;
	platform->sleep = sleep_flag;
}

/* As of a level-triggered interrupt that is taken twice. */
static uint32_t count_twice(void *ctx)
{
	(void)ctx;
	return 2 * count();
}

static void sleep_twice(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	if (count_twice(ctx) == seen)
		sleep_real(count(), deadline_ns);
}

static void make_twice(struct ivsh_platform *platform)
{
	platform->count = count_twice;
	platform->sleep = sleep_twice;
}

/* A word of 8 bits. */
static uint32_t count_byte(void *ctx)
{
	(void)ctx;
	return count() & 0xff;
}

/* As of a semaphore that holds 99 at most. */
static uint32_t count_full(void *ctx)
{
	uint32_t counted = count() - first;

	(void)ctx;
	return counted < 99 ? counted : 99;
}

/* Nothing is wrong with a count that begins anywhere, and overflows at the tenth doorbell. */
static uint32_t count_anywhere(void *ctx)
{
	(void)ctx;
	return count() - first - 10;
}

static uint32_t (*count_made)(void *ctx);

static void sleep_made(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	uint32_t counted = count();

	if (count_made(ctx) == seen)
		sleep_real(counted, deadline_ns);
}

static void make_count(struct ivsh_platform *platform, uint32_t (*made)(void *ctx))
{
	first = count();
	count_made = made;
	platform->count = made;
	platform->sleep = sleep_made;
}

static void make_byte(struct ivsh_platform *platform)
{
	make_count(platform, count_byte);
}

static void make_full(struct ivsh_platform *platform)
{
	make_count(platform, count_full);
}

static void make_anywhere(struct ivsh_platform *platform)
{
	make_count(platform, count_anywhere);
}

/* All interrupts: the timer's that ends a sleep, too. */
static uint32_t count_all(void *ctx)
{
	(void)ctx;
	return count() + extra;
}

static void sleep_all(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	if (count_all(ctx) != seen)
		return;
	sleep_real(count(), deadline_ns);
	extra++;
}

static void make_all(struct ivsh_platform *platform)
{
	platform->count = count_all;
	platform->sleep = sleep_all;
}

const struct wrong wrong_sleep[] = {
    {"sleep ignores doorbells", make_deaf, "D3.1 D3.5", NULL},
    {"sleep misses what comes as it begins", make_race, "D3.5", NULL},
    {"sleep is late", make_late, "D3.3", NULL},
    {"sleep returns at once", make_never, "D3.4", NULL},
    {"sleep takes a deadline that has passed for a long time", make_passed, "D3.2", NULL},
    {"count loses every second doorbell", make_half, "D2.1", NULL},
    {"count is a flag", make_flag, "D2.1", NULL},
    {"count counts each doorbell twice", make_twice, "D2.1", NULL},
    {"count counts the timer, too", make_all, "D2.2", NULL},
    {"sleep compares counts by size", make_ordered, "D3.1", NULL},
    {"count has 8 bits", make_byte, "D2.1", NULL},
    {"count stops at 99", make_full, "D2.1", NULL},
    {"right: count begins anywhere, and overflows", make_anywhere, "", NULL},
    {NULL, NULL, NULL, NULL},
};
