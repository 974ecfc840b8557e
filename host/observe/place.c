/* SPDX-License-Identifier: MIT */
/*
 * place.c - the memories of a region, and where in them things are.
 */
#include "observe/rings.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t page = IVSH_WIRE_PAGE - 1;

/*
 * Whose memory the part says it is, where the platform does not know; IVSH_SELF_NONE: it says
 * nothing. SPEC R17.4.2.
 */
static uint32_t slot_claimed(const struct ivsh_mem_part *part)
{
	const struct ivsh_wire_part *header = part->base;

	if (part->slot != IVSH_SELF_NONE)
		return part->slot;
	if (!header || part->size < IVSH_WIRE_PAGE ||
	    observe_load64(&header->magic) != IVSH_WIRE_PART_MAGIC)
		return IVSH_SELF_NONE;
	return observe_load32(&header->slot);
}

/* SPEC R17.4.4: of several that claim one slot none is used. */
static void parts_sort(struct observer *observer, const struct ivsh_mem *mem)
{
	for (uint32_t i = 0; i < mem->part_count; i++) {
		const struct ivsh_mem_part *part = &mem->parts[i];
		uint32_t slot = slot_claimed(part);
		struct observed_memory *memory;

		if (!part->base || (uintptr_t)part->base % IVSH_WIRE_PAGE ||
		    part->size < IVSH_WIRE_PAGE)
			continue;
		if (slot >= observer->geometry.slots) {
			observer->nobodys++;
			continue;
		}
		memory = &observer->memory[1 + slot];
		if (memory->base)
			observer->is_twice[slot] = true;
		*memory = (struct observed_memory){part->base, part->size};
	}
	for (uint32_t i = 0; i < observer->geometry.slots; i++)
		if (observer->is_twice[i])
			observer->memory[1 + i].base = NULL;
}

static uint64_t rings_whole(uint32_t slots)
{
	return (IVSH_WIRE_SLOTS_OFFSET + slots * sizeof(struct ivsh_wire_slot) + page) & ~page;
}

/* A power of two. SPEC 17. */
static uint64_t rings_split(uint32_t slots)
{
	uint64_t rings = IVSH_WIRE_PAGE;

	/* Behind the lines of an odd slot, which end later. */
	while (rings < IVSH_WIRE_PART_LINES_OFFSET(1) + (slots - 1) * sizeof(struct ivsh_wire_ring))
		rings *= 2;
	return rings;
}

int observe_open(struct observer *observer, const struct ivsh_mem *mem,
    const struct ivsh_geometry *geometry, bool is_split)
{
	const struct ivsh_geometry *g = &observer->geometry;

	memset(observer, 0, sizeof(*observer));
	observer->geometry = *geometry;
	observer->is_split = is_split;
	if (ivsh_geometry_size(g, &observer->size) ||
	    (is_split && ivsh_part_size(g, &observer->part_size)))
		return IVSH_EINVAL;
	if (is_split)
		observer->size = IVSH_WIRE_COMMON_SIZE;
	if (observer->size > mem->size)
		return IVSH_ENOSPC;
	observer->memory[0] = (struct observed_memory){mem->base, mem->size};
	observer->area[0] = sizeof(struct ivsh_wire_ring) + g->descs * sizeof(*observer->desc);
	observer->area[1] = (observer->area[0] + g->small_size + page) & ~page;
	observer->stride = (observer->area[1] + g->large_size + page) & ~page;
	observer->rings = is_split ? rings_split(g->slots) : rings_whole(g->slots);
	if (g->log_size)
		observer->logs =
		    observer->rings + (is_split ? 1 : g->slots) * (g->slots - 1) * observer->stride;
	if (is_split)
		parts_sort(observer, mem);
	observer->desc = calloc(g->descs, sizeof(*observer->desc));
	return observer->desc ? 0 : IVSH_EPLATFORM;
}

void observe_close(struct observer *observer)
{
	free(observer->desc);
	observer->desc = NULL;
}

/* In one memory. *size: bytes that it has. */
static uint64_t offset_whole(const struct observer *observer, enum observed_what what,
    uint32_t from, uint32_t to, uint64_t *size)
{
	const struct ivsh_geometry *g = &observer->geometry;

	switch (what) {
	case OBSERVE_SLOT:
		*size = sizeof(struct ivsh_wire_slot);
		return IVSH_WIRE_SLOTS_OFFSET + from * *size;
	case OBSERVE_LOG:
		*size = sizeof(struct ivsh_wire_log) + g->log_size;
		return observer->logs + from * *size;
	default:
		*size = observer->stride;
		return observer->rings +
		       ((uint64_t)from * (g->slots - 1) + to - (to > from)) * *size;
	}
}

/* In the part of (writer); (number): of the other slot, among those of (writer). */
static uint64_t offset_split(const struct observer *observer, enum observed_what what,
    uint32_t writer, uint32_t number, uint64_t *size)
{
	bool is_odd = writer % 2 == 1;

	switch (what) {
	case OBSERVE_SLOT:
		*size = sizeof(struct ivsh_wire_slot);
		return IVSH_WIRE_PART_SLOT_OFFSET(writer);
	case OBSERVE_LOG:
		*size = sizeof(struct ivsh_wire_log) + observer->geometry.log_size;
		return is_odd ? observer->rings : observer->logs;
	case OBSERVE_RECEIVER:
		*size = sizeof(struct ivsh_wire_ring);
		return IVSH_WIRE_PART_LINES_OFFSET(writer) + number * *size;
	default:
		*size = observer->stride;
		/* The log is in front of the rings, or as many pages as it would have. */
		return (is_odd ? observer->part_size - (observer->geometry.slots - 1) * *size
			       : observer->rings) +
		       number * *size;
	}
}

struct observed_place observe_place(
    const struct observer *observer, enum observed_what what, uint32_t from, uint32_t to)
{
	bool is_receiver = what == OBSERVE_RECEIVER;
	uint32_t writer = is_receiver ? to : from, other = is_receiver ? from : to;
	struct observed_place place = {NULL, 0, 0};
	const struct observed_memory *memory;
	uint64_t size;

	if (observer->is_split) {
		place.memory = 1 + writer;
		place.offset =
		    offset_split(observer, what, writer, other - (other > writer), &size);
	} else {
		place.offset = offset_whole(observer, what, from, to, &size);
	}
	memory = &observer->memory[place.memory];
	if (memory->base && !(observer->is_split && observer->is_out[writer]) &&
	    place.offset <= memory->size && size <= memory->size - place.offset)
		place.at = memory->base + place.offset;
	return place;
}
