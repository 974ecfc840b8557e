/* SPDX-License-Identifier: MIT */
/*
 * format.c - makes a region of a piece of memory.
 */
#include "core/atomic.h"
#include "core/layout.h"

#include <ivsh/region.h>

#include <stddef.h>

int ivsh_region_format(
    void *base, uint64_t size, const struct ivsh_geometry *g, uint64_t format_id, bool force)
{
	struct ivsh_wire_header *header = base;
	struct ivsh_layout l;
	uint64_t bytes;

	if (!base || ((uintptr_t)base & (IVSH_WIRE_PAGE - 1)) || ivsh_layout_of(g, &l, &bytes))
		return IVSH_EINVAL;
	if (bytes > size)
		return IVSH_ENOSPC;
	if (!force && !ivsh_wire_magic_none(load64_acquire(&header->magic)))
		return IVSH_EBUSY;

	/* SPEC R3.2.2: a peer that reads the magic meanwhile finds a memory that is being
	 * formatted. */
	store64_release(&header->magic, 0);
	fence_full();

	/* Payload areas need no clearing: nothing points there. Descriptors do: a wrap counter of
	 * an earlier formatting would be taken for a message. */
	__builtin_memset(
	    (uint8_t *)base + sizeof(header->magic), 0, (size_t)(l.rings - sizeof(header->magic)));
	for (uint64_t ring = l.rings; ring < l.logs; ring += l.stride)
		__builtin_memset((uint8_t *)base + ring, 0, (size_t)l.small);
	/* Of the logs the lines would do, but one call is short. */
	__builtin_memset((uint8_t *)base + l.logs, 0, (size_t)(bytes - l.logs));

	header->version = IVSH_WIRE_VERSION;
	header->features = g->log_size != 0; /* IVSH_WIRE_FEATURE_LOGS */
	header->size = bytes;
	header->slots = g->slots;
	header->descs = g->descs;
	header->small_size = g->small_size;
	header->large_size = g->large_size;
	header->format_id = format_id;
	header->log_size = g->log_size;
	/* SPEC R3.1.2: releases all of the above to header_read()'s acquire. */
	store64_release(&header->magic, IVSH_WIRE_MAGIC);
	fence_full();
	return load64(&header->magic) == IVSH_WIRE_MAGIC ? 0 : IVSH_EREADONLY;
}

int ivsh_attach_format(const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	uint64_t size;
	int error = ivsh_geometry_size(&attach->format, &size);

	if (!error)
		error =
		    ivsh_region_format(mem->base, mem->size, &attach->format, attach->nonce, false);
	if (error == IVSH_ENOSPC)
		attach->need_size = size;
	return error;
}
