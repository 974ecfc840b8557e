/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - many times as a few rows: how many lie between two bounds.
 */
#include "app/histogram.h"

#include "app/json.h"

#include <inttypes.h>
#include <stdio.h>

#define BAR 48u /* columns of the longest bar */

/* 24 numbers for each power of ten, a constant factor apart, rounded: IEC 60063, E24. */
static const uint8_t series[] = {
    10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91};

#define SERIES (uint32_t)(sizeof(series) / sizeof(series[0]))
#define BOUNDS (17 * SERIES) /* up to 10^18 ns, which is 31 years */

const struct histogram_mark histogram_marks[] = {{"p50", "p50_ns", 500}, {"p90", "p90_ns", 900},
    {"p99", "p99_ns", 990}, {"p99.9", "p99_9_ns", 999}, {"max", "max_ns", 1000}, {NULL, NULL, 0}};

/* Bound number (i) in nanoseconds; number 0 is 0, so that no time is below. */
static uint64_t bound(uint32_t i)
{
	uint64_t ns = series[i % SERIES];

	for (uint32_t power = i / SERIES; power > 0; power--)
		ns *= 10;
	return i ? ns : 0;
}

/* The last bound, of each (step)th, that is not above (ns). */
static uint32_t bound_below(uint64_t ns, uint32_t step)
{
	uint32_t i = 0;

	while (i + step < BOUNDS && bound(i + step) <= ns)
		i += step;
	return i;
}

uint64_t histogram_percentile(const uint64_t *times_ns, uint32_t count, uint32_t permille)
{
	uint64_t i = (uint64_t)count * permille / 1000;

	return times_ns[i < count ? i : count - 1];
}

void histogram_make(
    struct histogram *h, const uint64_t *times_ns, uint32_t count, uint32_t most, bool cuts)
{
	uint64_t longest = times_ns[count - 1];
	uint64_t end = cuts ? histogram_percentile(times_ns, count, 990) : longest;
	uint32_t step = 1, first = 0, last = 0, row = 0;

	if (most > HISTOGRAM_MOST)
		most = HISTOGRAM_MOST;
	/* As fine as there are rows. The coarsest step is two powers of ten: that always fits. */
	for (; step <= 2 * SERIES; step *= 2) {
		first = bound_below(times_ns[0], step);
		last = bound_below(end, step);
		if ((last - first) / step + 1 <= most)
			break;
	}
	h->rows = (last - first) / step + 1;
	for (uint32_t i = 0; i <= h->rows; i++)
		h->from_ns[i] = bound(first + i * step);
	for (uint32_t i = 0; i < h->rows; i++)
		h->count[i] = 0;
	h->has_more = longest >= h->from_ns[h->rows];
	for (uint32_t i = 0; i < count; i++) {
		while (row + 1 < h->rows && times_ns[i] >= h->from_ns[row + 1])
			row++;
		h->count[row]++;
	}
}

/* "12.34", at most two digits behind the point. */
static void us_print(const char *before, uint64_t ns)
{
	printf("%s%" PRIu64 ".%02" PRIu64, before, ns / 1000, ns / 10 % 100);
}

static void row_print(const struct histogram *h, uint32_t row, uint32_t count, uint32_t longest)
{
	uint64_t from = h->from_ns[row], part = (uint64_t)h->count[row] * 1000 / count;
	uint32_t bar = (uint32_t)(((uint64_t)h->count[row] * BAR + longest / 2) / longest);

	printf("%7" PRIu64 ".%02" PRIu64 "%c|", from / 1000, from / 10 % 100,
	    row + 1 == h->rows && h->has_more ? '+' : ' ');
	for (uint32_t i = 0; i < bar; i++)
		putchar('#');
	/* What is there is seen. */
	if (bar == 0 && h->count[row] != 0)
		putchar('.');
	printf("%*s %8" PRIu32 " %3" PRIu64 ".%" PRIu64 "%%\n",
	    (int)(BAR - (bar || !h->count[row] ? bar : 1)), "", h->count[row], part / 10,
	    part % 10);
}

/* How many rows a reader gets, and that the longest times share one. */
#define SHOWN_ROWS 16u

void histogram_json(const uint64_t *times_ns, uint32_t count, const char *command)
{
	struct histogram h;
	struct json json;

	histogram_make(&h, times_ns, count, SHOWN_ROWS, true);
	json_begin(&json, "histogram");
	json_text(&json, "command", command);
	json_u64(&json, "count", count);
	json_u64(&json, "min_ns", times_ns[0]);
	for (const struct histogram_mark *m = histogram_marks; m->name; m++)
		json_u64(&json, m->member, histogram_percentile(times_ns, count, m->permille));
	json_array(&json, "rows");
	for (uint32_t i = 0; i < h.rows; i++) {
		json_object(&json, NULL);
		json_u64(&json, "from_ns", h.from_ns[i]);
		json_u64(&json, "count", h.count[i]);
		json_close(&json);
	}
	json_close(&json);
	json_end(&json);
}

void histogram_print(const uint64_t *times_ns, uint32_t count)
{
	struct histogram h;
	uint32_t longest = 1;

	histogram_make(&h, times_ns, count, SHOWN_ROWS, true);
	for (uint32_t i = 0; i < h.rows; i++)
		longest = h.count[i] > longest ? h.count[i] : longest;
	printf("from, us%s\n", h.has_more ? "; +: and more" : "");
	for (uint32_t i = 0; i < h.rows; i++)
		row_print(&h, i, count, longest);
	printf("count %" PRIu32 ", us:", count);
	us_print(" min ", times_ns[0]);
	for (const struct histogram_mark *m = histogram_marks; m->name; m++) {
		printf(" %s", m->name);
		us_print(" ", histogram_percentile(times_ns, count, m->permille));
	}
	printf("\n");
}
