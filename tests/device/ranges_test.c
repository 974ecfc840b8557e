/* SPDX-License-Identifier: MIT */
/*
 * ranges_test.c - which addresses are free, against a map of single units.
 */
#include "device/ranges.h"
#include "tests/lib/test.h"

#include <string.h>

#define UNITS 256u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ranges ranges;
static bool used[UNITS];

static uint32_t random_below(uint32_t end)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % end;
}

static bool are_free(uint64_t start, uint64_t size)
{
	for (uint64_t i = start; i < start + size; i++)
		if (i >= UNITS || used[i])
			return false;
	return true;
}

/* Is the answer right for this size? With all fits, as far as the map tells. */
static void compare(struct range limit, uint64_t size, uint64_t align)
{
	uint64_t first = 0, last = 0, at;

	for (uint64_t i = align; i + size <= limit.end; i += align) {
		if (i < limit.start || !are_free(i, size))
			continue;
		first = first ? first : i;
		last = i;
	}
	for (uint32_t fit = RANGES_BEST; fit <= RANGES_LAST; fit++) {
		NEED_EQ(ivsh_ranges_find(&ranges, limit, size, align, fit, &at), first != 0);
		if (first == 0)
			continue;
		CHECK(at >= limit.start && at + size <= limit.end && at % align == 0);
		CHECK(are_free(at, size));
		if (fit == RANGES_FIRST)
			CHECK_EQ(at, first);
		if (fit == RANGES_LAST)
			CHECK_EQ(at, last);
	}
}

static void random_ranges(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct range within = {random_below(40), UNITS - random_below(40)};

		memset(used, 0, sizeof(used));
		ivsh_ranges_init(&ranges, within);
		for (unsigned i = random_below(20); i > 0; i--) {
			uint32_t at = random_below(UNITS), size = random_below(24);

			ivsh_ranges_use(&ranges, at, size);
			for (uint32_t k = at; k < at + size && k < UNITS; k++)
				used[k] = true;
		}
		for (unsigned i = 0; i < 8; i++) {
			uint64_t start = within.start + random_below(40);
			struct range limit = {start, within.end - random_below(60)};

			compare(
			    i == 0 ? within : limit, 1 + random_below(40), 1u << random_below(6));
		}
	}
}

/* More ranges than there is room for: nothing that is used counts as free, and ends are free. */
static void too_many(void)
{
	struct range within = {0, 1 << 20};
	uint64_t at;

	ivsh_ranges_init(&ranges, within);
	for (uint32_t i = 0; i < 1000; i++)
		ivsh_ranges_use(&ranges, 1000 * (i * 7 % 1000) + 1000, 100 + i % 800);
	CHECK(ranges.count <= RANGES_MAX);
	for (uint32_t i = 0; i < ranges.count; i++)
		CHECK(ranges.used[i].start < ranges.used[i].end &&
		      (i == 0 || ranges.used[i - 1].end < ranges.used[i].start));
	CHECK(!ivsh_ranges_find(&ranges, within, 99, 1, RANGES_LARGEST, &at) || at > 1000000 ||
	      at < 1000 || at % 1000 >= 100);
	CHECK(ivsh_ranges_find(&ranges, within, 40000, 1, RANGES_FIRST, &at));
	CHECK(at >= 1000000);
}

static void extremes(void)
{
	struct range all = {0, UINT64_MAX}, gap;
	uint64_t at = 0;

	ivsh_ranges_init(&ranges, all);
	CHECK(!ivsh_ranges_find(&ranges, all, UINT64_MAX, 1u << 20, RANGES_BEST, &at));
	CHECK(ivsh_ranges_find(
	    &ranges, all, UINT64_C(1) << 63, UINT64_C(1) << 62, RANGES_FIRST, &at));
	CHECK_EQ(at, UINT64_C(1) << 62);
	ivsh_ranges_use(&ranges, UINT64_MAX - 1, UINT64_MAX);
	ivsh_ranges_use(&ranges, 5, 0);
	ivsh_ranges_use(&ranges, 0, 16);
	CHECK_EQ(ranges.count, 2);
	CHECK(ivsh_ranges_find(&ranges, all, 1, 1, RANGES_LAST, &at));
	CHECK_EQ(at, UINT64_MAX - 2);
	CHECK(ivsh_ranges_gap(&ranges, (struct range){16, 17}, &gap));
	CHECK(gap.start == 16 && gap.end == UINT64_MAX - 1);
	CHECK(!ivsh_ranges_gap(&ranges, (struct range){15, 17}, &gap));
	CHECK(!ivsh_ranges_gap(&ranges, (struct range){17, UINT64_MAX}, &gap));
	CHECK(!ivsh_ranges_find(&ranges, (struct range){9, 9}, 1, 1, RANGES_FIRST, &at));
	ivsh_ranges_use(&ranges, 0, UINT64_MAX);
	CHECK(!ivsh_ranges_find(&ranges, all, 1, 1, RANGES_FIRST, &at));
}

int main(void)
{
	static const struct test tests[] = {
	    {"random ranges", random_ranges},
	    {"more than fit", too_many},
	    {"extremes", extremes},
	};

	return test_main("device/ranges", tests, COUNT(tests));
}
