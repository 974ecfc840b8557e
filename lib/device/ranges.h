/* SPDX-License-Identifier: MIT */
/*
 * ranges.h - which addresses of a range are free.
 */
#ifndef DEVICE_RANGES_H
#define DEVICE_RANGES_H

#include "device/config.h"

#include <stdbool.h>
#include <stdint.h>

struct range {
	uint64_t start;
	uint64_t end; /* behind it; start == end: empty */
};

/*
 * Used ranges that do not touch each other. If there are more, the smallest gap between two counts
 * as used: an address may then be missed, but none is given twice.
 */
#define RANGES_MAX 48u

struct ranges {
	struct range within; /* what lies outside is of no interest */
	uint32_t count;
	struct range used[RANGES_MAX + 1]; /* ascending; the last element is scratch */
};

/* Which of several places is taken. */
enum ranges_fit {
	RANGES_BEST,    /* the smallest gap: larger ones remain whole */
	RANGES_LARGEST, /* the largest gap: what is taken can grow later */
	RANGES_FIRST,   /* the lowest address */
	RANGES_LAST,    /* the highest address */
};

/* Nothing in (within) is used. */
COLD void ivsh_ranges_init(struct ranges *ranges, struct range within);

/* Mark (size) bytes at (address) as used, as far as they are inside. Any values are allowed. */
COLD void ivsh_ranges_use(struct ranges *ranges, uint64_t address, uint64_t size);

/*
 * Find (size) free bytes inside (limit), at a multiple of (align), a power of two, that is not 0,
 * and store where they start in *address. False: there are none.
 */
COLD bool ivsh_ranges_find(const struct ranges *ranges, struct range limit, uint64_t size,
    uint64_t align, enum ranges_fit fit, uint64_t *address);

/* The gap around (inside). False: something is used in there, or it is not inside. */
COLD bool ivsh_ranges_gap(const struct ranges *ranges, struct range inside, struct range *gap);

#endif
