/* SPDX-License-Identifier: MIT */
/*
 * split_format.c - makes a split region of several memories.
 */
#include "core/atomic.h"
#include "core/format.h"
#include "core/split.h"

#include <stddef.h>

#define SAME(field)                                                            \
	_Static_assert(__builtin_offsetof(struct ivsh_wire_part, field) ==     \
			   __builtin_offsetof(struct ivsh_wire_header, field), \
	    #field)
SAME(magic);
SAME(version);
SAME(features);
SAME(size);
SAME(slots);
SAME(descs);
SAME(small_size);
SAME(large_size);
SAME(format_id);
SAME(log_size);
_Static_assert(sizeof(struct ivsh_wire_part) == 64, "part");
_Static_assert(IVSH_WIRE_PART_SLOT_OFFSET(1) == IVSH_WIRE_PART_SLOT_OFFSET(0) + IVSH_WIRE_PAGE,
    "an odd slot's words are on another page");

int ivsh_split_format(
    void *base, uint64_t size, const struct ivsh_geometry *g, uint64_t format_id, bool force)
{
	struct ivsh_layout l;
	uint64_t bytes;
	int error = ivsh_split_layout(g, &l, &bytes);

	if (!error)
		error =
		    ivsh_format_begin(base, size, IVSH_WIRE_COMMON_SIZE, IVSH_WIRE_MAGIC, force);
	if (error)
		return error;
	__builtin_memset((uint8_t *)base + sizeof(uint64_t), 0,
	    (size_t)(IVSH_WIRE_COMMON_SIZE - sizeof(uint64_t)));
	return ivsh_format_end(
	    base, IVSH_WIRE_MAGIC, g, IVSH_WIRE_FEATURE_SPLIT, IVSH_WIRE_COMMON_SIZE, format_id);
}

int ivsh_part_format(void *base, uint64_t size, const struct ivsh_geometry *g, uint64_t format_id,
    uint32_t slot, bool force)
{
	struct ivsh_wire_part *part = base;
	struct ivsh_layout l;
	uint64_t bytes, rings, log;
	int error = ivsh_split_layout(g, &l, &bytes);

	if (!error && slot >= g->slots)
		error = IVSH_EINVAL;
	if (!error)
		error = ivsh_format_begin(base, size, bytes, IVSH_WIRE_PART_MAGIC, force);
	if (error)
		return error;
	/* As in ivsh_region_format(): all but the payload areas. */
	__builtin_memset(
	    (uint8_t *)base + sizeof(uint64_t), 0, (size_t)(l.rings - sizeof(uint64_t)));
	ivsh_split_offsets(g, &l, slot, &rings, &log);
	for (uint32_t i = 0; i < g->slots - 1; i++)
		__builtin_memset(
		    (uint8_t *)base + rings + (uint64_t)i * l.stride, 0, (size_t)l.small);
	__builtin_memset((uint8_t *)base + log, 0, (size_t)(bytes - l.logs));
	part->slot = slot;
	return ivsh_format_end(
	    base, IVSH_WIRE_PART_MAGIC, g, IVSH_WIRE_FEATURE_SPLIT, bytes, format_id);
}
