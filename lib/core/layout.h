/* SPDX-License-Identifier: MIT */
/*
 * layout.h - from a geometry to offsets: the only function that computes them, and the only one
 * that makes a pointer of an offset.
 */
#ifndef IVSH_CORE_LAYOUT_H
#define IVSH_CORE_LAYOUT_H

#include <ivsh/geometry.h>
#include <ivsh/wire.h>

#include <stddef.h>

/*
 * Offsets inside one ring, in bytes from its start: the descriptors follow struct ivsh_wire_ring.
 * stride is from ring to ring. SPEC 2.
 */
struct layout {
	uint32_t small;
	uint32_t large;
	uint32_t stride;
	uint32_t rings; /* offset of ring 0 in the region */
};

static inline uint32_t layout_page_up(uint32_t value)
{
	return (value + IVSH_WIRE_PAGE - 1) & ~(IVSH_WIRE_PAGE - 1);
}

/* Bytes of the smallest region that there can be. */
static inline uint64_t layout_least(void)
{
	uint32_t large = layout_page_up(
	    (uint32_t)sizeof(struct ivsh_wire_ring) +
	    IVSH_WIRE_DESCS_MIN * (uint32_t)sizeof(struct ivsh_wire_desc) + IVSH_WIRE_AREA_MIN);
	uint32_t rings = layout_page_up(
	    IVSH_WIRE_SLOTS_OFFSET + IVSH_WIRE_SLOTS_MIN * (uint32_t)sizeof(struct ivsh_wire_slot));

	return rings + (uint64_t)(IVSH_WIRE_SLOTS_MIN * (IVSH_WIRE_SLOTS_MIN - 1)) *
			   layout_page_up(large + IVSH_WIRE_AREA_MIN);
}

/* (geometry) is in range: ivsh_geometry_size() or the attach has said so. */
void ivsh_layout_of(const struct ivsh_geometry *geometry, struct layout *layout);

/* Offset in the region of the ring from slot (sender) to slot (receiver), two different slots. */
uint64_t ivsh_layout_ring(const struct ivsh_geometry *geometry, const struct layout *layout,
    uint32_t sender, uint32_t receiver);

/* From log to log. */
static inline uint32_t layout_log_stride(const struct ivsh_geometry *geometry)
{
	return geometry->log_size ? (uint32_t)sizeof(struct ivsh_wire_log) + geometry->log_size : 0;
}

/* Offset in the region of the log of (slot), struct ivsh_wire_log; of (slots): the logs' end. */
uint64_t ivsh_layout_log(
    const struct ivsh_geometry *geometry, const struct layout *layout, uint32_t slot);

/*
 * The only way to a pointer: to (length) bytes at (offset) of a memory of (size) bytes at (base).
 * NULL if they are not all inside.
 */
static inline void *layout_at(void *base, uint64_t size, uint64_t offset, uint64_t length)
{
	if (offset > size || length > size - offset)
		return NULL;
	return (uint8_t *)base + offset;
}

#endif
