/* SPDX-License-Identifier: MIT */
/*
 * area.h - where payloads stand in the two areas of a ring. SPEC 7.
 */
#ifndef IVSH_CORE_AREA_H
#define IVSH_CORE_AREA_H

#include <ivsh/channel.h>
#include <ivsh/wire.h>

#include <stdint.h>

/* Bytes that a payload takes in its area: whole lines. size: at most IVSH_WIRE_AREA_MAX. */
static inline uint32_t area_room(uint32_t size)
{
	return (size + IVSH_WIRE_LINE - 1) & ~(IVSH_WIRE_LINE - 1);
}

/* How far (position) is from the area's beginning. */
static inline uint32_t area_offset(const struct ivsh_area *area, uint32_t position)
{
	return position & (area->size - 1);
}

/* The area's next beginning from (end) on: (end) itself if it is one. */
static inline uint32_t area_begin(const struct ivsh_area *area, uint32_t end)
{
	return (end + area->size - 1) & ~(area->size - 1);
}

/*
 * The position of a payload of (size) bytes when the last one ended at (end). It is (end), or the
 * area's beginning if the payload would not fit before the area's end. size: at most the area's.
 */
static inline uint32_t area_position(const struct ivsh_area *area, uint32_t end, uint32_t size)
{
	return size > area->size - area_offset(area, end) ? area_begin(area, end) : end;
}

/*
 * SPEC R7.6: a payload may stand at (position) when the last one ended at (end): there, or at the
 * area's next beginning. area_holds() says whether it lies within the area.
 */
static inline bool area_follows(const struct ivsh_area *area, uint32_t end, uint64_t position)
{
	return position == end || position == area_begin(area, end);
}

/* Bytes from (end) on that are in one piece, and at most (free). */
static inline uint32_t area_left(const struct ivsh_area *area, uint32_t end, uint32_t free)
{
	uint32_t piece = area->size - area_offset(area, end);

	return piece < free ? piece : free;
}

/* The address of (position), for which area_holds() was true with the payload's size. */
static inline uint8_t *area_at(const struct ivsh_area *area, uint32_t position)
{
	return area->base + area_offset(area, position);
}

/* SPEC R7.7.3: a payload of (size) bytes at (position) lies in the area, on a line. */
static inline bool area_holds(const struct ivsh_area *area, uint64_t position, uint32_t size)
{
	return position <= UINT32_MAX && position % IVSH_WIRE_LINE == 0 && size != 0 &&
	       size <= area->size - area_offset(area, (uint32_t)position);
}

/* The area that a kind other than IVSH_WIRE_KIND_INLINE names. */
static inline uint32_t area_of(uint8_t kind)
{
	return kind == IVSH_WIRE_KIND_LARGE ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;
}

#endif
