/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - many times as a few rows: how many lie between two bounds.
 */
#ifndef APP_HISTOGRAM_H
#define APP_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define HISTOGRAM_MOST 96u /* rows */

struct histogram {
	uint32_t rows;                  /* at least 1 */
	uint32_t count[HISTOGRAM_MOST]; /* of times from from_ns[i] on, below from_ns[i + 1] */
	uint64_t from_ns[HISTOGRAM_MOST + 1]; /* rising */
	bool has_more; /* the last row has also what is beyond its end, up to the longest */
};

/*
 * Sort (count) times, at least one, into rows whose bounds are round, and a constant factor apart:
 * as fine as (most) rows allow, 10 or more. With (cuts) the longest hundredth may share the last
 * row. times_ns: sorted.
 */
void histogram_make(struct histogram *histogram, const uint64_t *times_ns, uint32_t count,
    uint32_t most, bool cuts);

/* The time that (permille) of a thousand are below. times_ns: sorted. */
uint64_t histogram_percentile(const uint64_t *times_ns, uint32_t count, uint32_t permille);

/*
 * The percentiles that are shown, the longest time at last: how they are called, and which. The
 * name NULL is behind the last one.
 */
struct histogram_mark {
	const char *name, *member; /* for a reader; of an object of JSON */
	uint32_t permille;         /* 1000: the longest */
};
extern const struct histogram_mark histogram_marks[];

/*
 * Print rows of up to 80 columns, and the marks, in microseconds; or all as one object of JSON of
 * (command). times_ns: sorted.
 */
void histogram_print(const uint64_t *times_ns, uint32_t count);
void histogram_json(const uint64_t *times_ns, uint32_t count, const char *command);

#endif
