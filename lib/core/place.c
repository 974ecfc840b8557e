/* SPDX-License-Identifier: MIT */
/*
 * place.c - where a region's words are.
 */
#include "core/place.h"

#include "core/layout.h"

void *ivsh_place(const struct ivsh_region *region, uint32_t what, uint32_t from, uint32_t to)
{
	uint64_t offset = IVSH_WIRE_SLOTS_OFFSET;
	uint32_t length = sizeof(struct ivsh_wire_slot);

	if (region->place)
		return region->place(region, what, from, to);
	if (what == PLACE_SLOT) {
		offset += (uint64_t)from * length;
	} else if (what == PLACE_PENDING) {
		offset += (uint64_t)to * length + from +
			  __builtin_offsetof(struct ivsh_wire_slot, pending);
		length = 1;
	} else if (what == PLACE_LOG) {
		length = region->layout.log_stride;
		offset = layout_log(&region->layout, from);
	} else {
		length = region->layout.stride;
		offset = layout_ring(&region->geometry, &region->layout, from, to);
	}
	return layout_at(region->mem.base, region->mem.size, offset, length);
}
