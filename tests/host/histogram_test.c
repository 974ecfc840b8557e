/* SPDX-License-Identifier: MIT */
/*
 * histogram_test.c - the rows that bench prints and draws: every time is counted once, in its row.
 */
#include "app/histogram.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define COUNT 5000u
#define ROUNDS 400u

static uint64_t times[COUNT];
static uint64_t state = 1;

static uint64_t random_below(uint64_t limit)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (state >> 20) % limit;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* What histogram.h promises of these times. */
static void check(uint32_t count, uint32_t most, bool cuts)
{
	struct histogram h;
	uint64_t sum = 0;

	histogram_make(&h, times, count, most, cuts);
	CHECK(h.rows >= 1 && h.rows <= most);
	CHECK(h.from_ns[0] <= times[0]);
	for (uint32_t i = 0; i < h.rows; i++) {
		bool is_last = i + 1 == h.rows;
		uint32_t in = 0;

		CHECK(h.from_ns[i] < h.from_ns[i + 1]);
		for (uint32_t j = 0; j < count; j++)
			in += times[j] >= h.from_ns[i] &&
			      (times[j] < h.from_ns[i + 1] || (is_last && h.has_more));
		CHECK_EQ(h.count[i], in);
		sum += h.count[i];
	}
	CHECK_EQ(sum, count);
	CHECK_EQ(h.has_more, times[count - 1] >= h.from_ns[h.rows]);
	CHECK(cuts || !h.has_more);
	/* No more than a hundredth, and the row that it begins in, is beyond. */
	CHECK(!h.has_more || histogram_percentile(times, count, 990) < h.from_ns[h.rows]);
	CHECK(h.count[0] != 0);
}

static void random_times(void)
{
	static const uint64_t spans[] = {1, 10, 1000, 1000000, UINT64_C(1000000000000)};

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t count = 1 + (uint32_t)random_below(round < 20 ? COUNT : 200);
		uint64_t least = random_below(UINT64_C(1) << random_below(40));

		for (uint32_t i = 0; i < count; i++)
			times[i] = least + random_below(spans[random_below(5)]);
		qsort(times, count, sizeof(times[0]), compare);
		check(count, 10 + (uint32_t)random_below(87), round % 2);
	}
}

static void extremes(void)
{
	times[0] = 0;
	check(1, 16, true);
	times[0] = UINT64_C(999999999999999999);
	check(1, 10, true);
	times[0] = 0;
	times[1] = UINT64_C(99999999999999999);
	check(2, 10, false);
	for (uint32_t i = 0; i < 100; i++)
		times[i] = 1000;
	check(100, 16, true);
}

static void percentiles(void)
{
	for (uint32_t i = 0; i < 1000; i++)
		times[i] = i;
	CHECK_EQ(histogram_percentile(times, 1000, 500), 500);
	CHECK_EQ(histogram_percentile(times, 1000, 990), 990);
	CHECK_EQ(histogram_percentile(times, 1000, 1000), 999);
	CHECK_EQ(histogram_percentile(times, 1, 500), 0);
}

/* As fine as there are rows: a factor of 1.1 from bound to bound, of what spans less than ten. */
static void fine(void)
{
	struct histogram h;

	for (uint32_t i = 0; i < 1000; i++)
		times[i] = 1000 + 3 * i;
	histogram_make(&h, times, 1000, 16, false);
	CHECK_EQ(h.rows, 15);
	CHECK_EQ(h.from_ns[0], 1000);
	CHECK_EQ(h.from_ns[1], 1100);
	CHECK_EQ(h.count[0], 34);
}

static const struct test tests[] = {
    {"random times", random_times},
    {"extremes", extremes},
    {"percentiles", percentiles},
    {"fine", fine},
};

int main(void)
{
	return test_main("histogram", tests, sizeof(tests) / sizeof(tests[0]));
}
