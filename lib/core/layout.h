/* SPDX-License-Identifier: MIT */
/*
 * layout.h - from a geometry to offsets: the only function that computes them, and the only one
 * that makes a pointer of an offset.
 */
#ifndef IVSH_CORE_LAYOUT_H
#define IVSH_CORE_LAYOUT_H

#include <ivsh/geometry.h>

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

/* (geometry) is in range: ivsh_geometry_size() or the attach has said so. */
void ivsh_layout_of(const struct ivsh_geometry *geometry, struct layout *layout);

/* Offset in the region of the ring from slot (sender) to slot (receiver), two different slots. */
uint64_t ivsh_layout_ring(const struct ivsh_geometry *geometry, const struct layout *layout,
    uint32_t sender, uint32_t receiver);

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
