/* SPDX-License-Identifier: MIT */
/*
 * layout.h - from a geometry to offsets: the only function that computes them, and the only one
 * that makes a pointer of an offset.
 */
#ifndef IVSH_CORE_LAYOUT_H
#define IVSH_CORE_LAYOUT_H

#include <ivsh/region.h>
#include <ivsh/wire.h>

#include <stddef.h>

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

/*
 * What follows from (geometry), and the bytes of the region in *size. 0; IVSH_EINVAL: a field is
 * out of its range.
 */
int ivsh_layout_of(
    const struct ivsh_geometry *geometry, struct ivsh_layout *layout, uint64_t *size);

/* Offset in the region of the ring from slot (sender) to slot (receiver), two different slots. */
static inline uint64_t layout_ring(const struct ivsh_geometry *geometry,
    const struct ivsh_layout *layout, uint32_t sender, uint32_t receiver)
{
	uint32_t row = sender * (geometry->slots - 1);

	return layout->rings + (uint64_t)(row + receiver - (receiver > sender)) * layout->stride;
}

/* Offset in the memory of the log of (slot), struct ivsh_wire_log. */
static inline uint64_t layout_log(const struct ivsh_layout *layout, uint32_t slot)
{
	return layout->logs + (uint64_t)slot * layout->log_stride;
}

/* Bytes of a memory with (count) logs, the last of which ends on a page, as a ring does. */
static inline uint64_t layout_end(const struct ivsh_layout *layout, uint32_t count)
{
	return (layout_log(layout, count) + IVSH_WIRE_PAGE - 1) & ~(uint64_t)(IVSH_WIRE_PAGE - 1);
}

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
