/* SPDX-License-Identifier: MIT */
/*
 * format.c - makes a region of a piece of memory.
 */
#include "core/format.h"

#include "core/atomic.h"
#include "core/layout.h"

#include <ivsh/region.h>

#include <stddef.h>

/* Whether nobody has formatted the memory, or is about to. SPEC R1.3.4. */
static bool magic_is_none(uint64_t found, uint64_t magic)
{
	return found == 0 || found == (magic & 0xffffffffu) ||
	       found == (magic & ~UINT64_C(0xffffffff));
}

int ivsh_format_begin(void *base, uint64_t size, uint64_t need, uint64_t magic, bool force)
{
	uint64_t *found = base;

	if (!base || ((uintptr_t)base & (IVSH_WIRE_PAGE - 1)))
		return IVSH_EINVAL;
	if (need > size)
		return IVSH_ENOSPC;
	if (!force && !magic_is_none(load64_acquire(found), magic))
		return IVSH_EBUSY;
	/* SPEC R3.2.2: a peer that reads the magic meanwhile finds a memory that is being
	 * formatted. */
	store64_release(found, 0);
	fence_full();
	return 0;
}

int ivsh_format_end(struct ivsh_wire_header *header, uint64_t magic, const struct ivsh_geometry *g,
    uint32_t feature, uint64_t size, uint64_t format_id)
{
	header->version = IVSH_WIRE_VERSION;
	header->features = feature | (g->log_size != 0); /* IVSH_WIRE_FEATURE_LOGS */
	header->size = size;
	header->slots = g->slots;
	header->descs = g->descs;
	header->small_size = g->small_size;
	header->large_size = g->large_size;
	header->format_id = format_id;
	header->log_size = g->log_size;
	/* SPEC R3.1.2: releases all of the above to whoever finds the magic. */
	store64_release(&header->magic, magic);
	fence_full();
	return load64(&header->magic) == magic ? 0 : IVSH_EREADONLY;
}

int ivsh_region_format(
    void *base, uint64_t size, const struct ivsh_geometry *g, uint64_t format_id, bool force)
{
	struct ivsh_layout l;
	uint64_t bytes;
	int error = ivsh_layout_of(g, &l, &bytes);

	if (!error)
		error = ivsh_format_begin(base, size, bytes, IVSH_WIRE_MAGIC, force);
	if (error)
		return error;
	/* Payload areas need no clearing: nothing points there. Descriptors do: a wrap counter of
	 * an earlier formatting would be taken for a message. */
	__builtin_memset(
	    (uint8_t *)base + sizeof(uint64_t), 0, (size_t)(l.rings - sizeof(uint64_t)));
	for (uint64_t ring = l.rings; ring < l.logs; ring += l.stride)
		__builtin_memset((uint8_t *)base + ring, 0, (size_t)l.small);
	/* Of the logs the lines would do, but one call is short. */
	__builtin_memset((uint8_t *)base + l.logs, 0, (size_t)(bytes - l.logs));
	return ivsh_format_end(base, IVSH_WIRE_MAGIC, g, 0, bytes, format_id);
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
