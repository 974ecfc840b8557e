/* SPDX-License-Identifier: MIT */
/*
 * ranges.c - which addresses of a range are free.
 */
#include "device/ranges.h"

void ivsh_ranges_init(struct ranges *ranges, struct range within)
{
	ranges->within = within;
	ranges->count = 0;
}

/* Replace (removed) elements from (at) on by (range), and keep the others. */
static void replace(struct ranges *ranges, uint32_t at, uint32_t removed, struct range range)
{
	uint32_t tail = ranges->count - at - removed;

	__builtin_memmove(
	    &ranges->used[at + 1], &ranges->used[at + removed], tail * sizeof(ranges->used[0]));
	ranges->used[at] = range;
	ranges->count = at + 1 + tail;
}

/* Make one range of the two with the smallest gap in between. */
static void join_closest(struct ranges *ranges)
{
	struct range *used = ranges->used;
	uint32_t best = 1;

	for (uint32_t i = 2; i < ranges->count; i++)
		if (used[i].start - used[i - 1].end < used[best].start - used[best - 1].end)
			best = i;
	replace(ranges, best - 1, 2, (struct range){used[best - 1].start, used[best].end});
}

void ivsh_ranges_use(struct ranges *ranges, uint64_t address, uint64_t size)
{
	struct range range = {address, size > UINT64_MAX - address ? UINT64_MAX : address + size};
	uint32_t first = 0, last;

	if (range.start < ranges->within.start)
		range.start = ranges->within.start;
	if (range.end > ranges->within.end)
		range.end = ranges->within.end;
	if (range.start >= range.end)
		return;
	while (first < ranges->count && ranges->used[first].end < range.start)
		first++;
	for (last = first; last < ranges->count && ranges->used[last].start <= range.end; last++) {
		if (ranges->used[last].start < range.start)
			range.start = ranges->used[last].start;
		if (ranges->used[last].end > range.end)
			range.end = ranges->used[last].end;
	}
	replace(ranges, first, last - first, range);
	if (ranges->count > RANGES_MAX)
		join_closest(ranges);
}

/* The gap before used range (i), or behind the last one. */
static struct range gap_before(const struct ranges *ranges, uint32_t i)
{
	return (struct range){
	    i == 0 ? ranges->within.start : ranges->used[i - 1].end,
	    i == ranges->count ? ranges->within.end : ranges->used[i].start,
	};
}

static struct range intersection(struct range a, struct range b)
{
	struct range both = {
	    a.start > b.start ? a.start : b.start,
	    a.end < b.end ? a.end : b.end,
	};

	if (both.end < both.start)
		both.end = both.start;
	return both;
}

/* Where (size) bytes fit into (gap): at its start, or at its end if (last). False: nowhere. */
static bool fits(struct range gap, uint64_t size, uint64_t align, bool last, uint64_t *address)
{
	uint64_t start = gap.start ? gap.start : 1; /* address 0 means unassigned */
	uint64_t pad = (0 - start) & (align - 1);

	if (start >= gap.end || pad > gap.end - start || size > gap.end - start - pad)
		return false;
	*address = last ? (gap.end - size) & ~(align - 1) : start + pad;
	return true;
}

bool ivsh_ranges_find(const struct ranges *ranges, struct range limit, uint64_t size,
    uint64_t align, enum ranges_fit fit, uint64_t *address)
{
	uint64_t best = 0, at;
	bool found = false;

	for (uint32_t i = 0; i <= ranges->count; i++) {
		struct range gap = intersection(gap_before(ranges, i), limit);
		uint64_t length = gap.end - gap.start;

		if (!fits(gap, size, align, fit == RANGES_LAST, &at))
			continue;
		if (!found || fit == RANGES_LAST || (fit == RANGES_BEST && length < best) ||
		    (fit == RANGES_LARGEST && length > best)) {
			*address = at;
			best = length;
		}
		found = true;
	}
	return found;
}

bool ivsh_ranges_gap(const struct ranges *ranges, struct range inside, struct range *gap)
{
	for (uint32_t i = 0; i <= ranges->count; i++) {
		*gap = gap_before(ranges, i);
		if (gap->start <= inside.start && inside.end <= gap->end)
			return true;
	}
	return false;
}
