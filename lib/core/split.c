/* SPDX-License-Identifier: MIT */
/*
 * split.c - a split region: the memories of slots, found by their headers, and where words are.
 *
 * Theory of operation: each word has one writer, and the words of one writer are in one memory,
 * his part. He maps it writable and the others' for reading only, so that the host, or the MMU,
 * refuses what would break the rule. Nobody but its owner writes a part's header, so what it says
 * is a claim. A part that claims what is not so is left out, like one that is not there: its owner
 * has shut himself out. Where the platform knows whose memory is whose, a claim counts only if it
 * agrees with that; else two parts that claim one slot are both left out.
 */
#include "core/split.h"

#include "core/atomic.h"
#include "core/place.h"
#include "core/region.h"

#include <ivsh/channel.h>

/* Bytes of the pages that the log has, or of the one that is left free without logs. SPEC 17. */
static uint32_t log_room(const struct ivsh_geometry *g)
{
	return layout_page_up((uint32_t)sizeof(struct ivsh_wire_log) + g->log_size);
}

void ivsh_split_offsets(const struct ivsh_geometry *g, const struct ivsh_layout *l, uint32_t slot,
    uint64_t *rings, uint64_t *log)
{
	bool is_odd = (slot & 1) != 0;

	*rings = l->rings + (is_odd ? log_room(g) : 0);
	*log = is_odd ? l->rings : l->logs;
}

int ivsh_split_layout(const struct ivsh_geometry *g, struct ivsh_layout *l, uint64_t *size)
{
	uint64_t bytes;
	uint32_t lines_end;
	int error = ivsh_layout_of(g, l, &bytes);

	if (error)
		return error;
	/* Of an odd slot, where they are later: rings, or the log, begin there in all parts. */
	lines_end = IVSH_WIRE_PART_LINES_OFFSET(1) +
		    (g->slots - 1) * (uint32_t)sizeof(struct ivsh_wire_ring);
	/* What is before both can be a PCI BAR of its own, whose size is a power of two. */
	for (l->rings = 4 * IVSH_WIRE_PAGE; l->rings < lines_end;)
		l->rings *= 2;
	l->logs = l->rings + (uint64_t)(g->slots - 1) * l->stride;
	*size = l->logs + log_room(g);
	return 0;
}

int ivsh_part_size(const struct ivsh_geometry *g, uint64_t *size)
{
	struct ivsh_layout l;

	return ivsh_split_layout(g, &l, size);
}

int ivsh_part_short_size(const struct ivsh_geometry *g, uint64_t *size)
{
	struct ivsh_layout l;
	uint64_t bytes;
	int error = ivsh_split_layout(g, &l, &bytes);

	if (!error)
		*size = l.rings;
	return error;
}

/* The slot that the part's header says; IVSH_SELF_NONE: there is no header yet, or another one. */
static uint32_t slot_claimed(const struct ivsh_mem_part *part)
{
	const struct ivsh_wire_part *header = part->base;

	if (!header || ((uintptr_t)header & (IVSH_WIRE_PAGE - 1)) || part->size < IVSH_WIRE_PAGE ||
	    load64_acquire(&header->magic) != IVSH_WIRE_PART_MAGIC)
		return IVSH_SELF_NONE;
	return load32(&header->slot);
}

/*
 * Whether the rest of the header says that the part is one of this region, that of (slot). Of
 * another's part the rings may be missing: then a channel to it only sends. SPEC R18.4.
 */
static bool part_belongs(
    const struct ivsh_region *region, const struct ivsh_mem_part *part, uint32_t slot)
{
	const struct ivsh_wire_part *header = part->base;
	const struct ivsh_geometry *g = &region->geometry;
	struct ivsh_layout layout;
	uint64_t size;

	return load32(&header->version) == IVSH_WIRE_VERSION &&
	       load32(&header->features) ==
		   (IVSH_WIRE_FEATURE_SPLIT | (g->log_size ? IVSH_WIRE_FEATURE_LOGS : 0)) &&
	       load32(&header->slots) == g->slots && load32(&header->descs) == g->descs &&
	       load32(&header->small_size) == g->small_size &&
	       load32(&header->large_size) == g->large_size &&
	       load32(&header->log_size) == g->log_size &&
	       load64(&header->format_id) == region->format_id &&
	       ivsh_split_layout(g, &layout, &size) == 0 && load64(&header->size) == size &&
	       (slot == region->mem.self ? size : layout.rings) <= part->size;
}

/* Of two parts that claim one slot the one with the higher rank has it. */
static uint32_t part_rank(
    const struct ivsh_region *region, const struct ivsh_mem_part *part, uint32_t slot)
{
	return (part->slot == slot ? 2u : 0u) +
	       (slot == region->mem.self && part->is_writable ? 1u : 0u);
}

/* Find the part of (slot) among those that are not used yet. NULL: there is none, or several. */
static struct ivsh_mem_part *part_find(const struct ivsh_region *region, uint32_t slot)
{
	struct ivsh_mem_part *best = NULL;
	bool is_one = false;

	for (uint32_t i = 0; i < region->mem.part_count; i++) {
		struct ivsh_mem_part *part = &region->mem.parts[i];
		uint32_t rank = part_rank(region, part, slot);

		if (part->found != IVSH_SELF_NONE ||
		    (part->slot != slot && part->slot != IVSH_SELF_NONE) ||
		    slot_claimed(part) != slot || !part_belongs(region, part, slot))
			continue;
		if (best && rank == part_rank(region, best, slot)) {
			is_one = false;
		} else if (!best || rank > part_rank(region, best, slot)) {
			best = part;
			is_one = true;
		}
	}
	if (!is_one)
		return NULL;
	best->found = slot;
	return best;
}

/* The part of (slot), as it was found; NULL: it was not. */
static struct ivsh_mem_part *part_of(const struct ivsh_region *region, uint32_t slot)
{
	for (uint32_t i = 0; i < region->mem.part_count; i++)
		if (region->mem.parts[i].found == slot)
			return &region->mem.parts[i];
	return NULL;
}

void *ivsh_split_place(const struct ivsh_region *region, uint32_t what, uint32_t from, uint32_t to)
{
	bool is_receiver = what == PLACE_RECEIVER;
	uint32_t writer = is_receiver ? to : from, other = is_receiver ? from : to;
	uint32_t index = other - (other > writer), length = sizeof(struct ivsh_wire_slot);
	const struct ivsh_mem_part *part = part_of(region, writer);
	uint64_t offset = IVSH_WIRE_PART_SLOT_OFFSET(writer), rings, log;

	/* Its owner may have formatted it meanwhile. Whoever only looks who is there, again and
	 * again, does not look for that. */
	if (!part && what != PLACE_SLOT)
		part = part_find(region, writer);
	if (!part)
		return NULL;
	ivsh_split_offsets(&region->geometry, &region->layout, writer, &rings, &log);
	if (what == PLACE_PENDING) {
		offset += __builtin_offsetof(struct ivsh_wire_slot, pending) + to;
		length = 1;
	} else if (what == PLACE_LOG) {
		length = region->layout.log_stride;
		offset = log;
	} else if (what == PLACE_SENDER) {
		length = region->layout.stride;
		offset = rings + (uint64_t)index * length;
	} else if (is_receiver) {
		length = sizeof(struct ivsh_wire_ring);
		offset = IVSH_WIRE_PART_LINES_OFFSET(writer) + (uint64_t)index * length;
	}
	return layout_at(part->base, part->size, offset, length);
}

/*
 * SPEC R17.5.2: each sender's pending byte for us is in its own part, so each channel has one.
 */
static bool hints_read(
    const struct ivsh_region *region, void (*add)(struct ivsh_region *, struct ivsh_chan *))
{
	bool any = false;

	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		uint8_t hint = ch->rx.hint + 1;

		if (!ch->rx.pending)
			ch->rx.pending =
			    ivsh_split_place(region, PLACE_PENDING, ch->peer, region->mem.self);
		if (ch->rx.pending)
			hint = load8(ch->rx.pending);
		if (hint == ch->rx.hint)
			continue;
		any = true;
		if (!add)
			continue;
		ch->rx.hint = hint;
		add(ch->region, ch);
	}
	/* The caller's loads of the messages come behind those of the hints. */
	fence_acquire();
	return any;
}

/* Say which parts are not used: first this peer's own one, where the platform knows it. */
static void parts_report(const struct ivsh_region *region, struct ivsh_attach *attach)
{
	attach->found_part = region->mem.part_count;
	attach->parts_out = 0;
	for (uint32_t i = region->mem.part_count; i-- != 0;) {
		const struct ivsh_mem_part *part = &region->mem.parts[i];

		if (part->found != IVSH_SELF_NONE)
			continue;
		attach->parts_out++;
		attach->found_part = i;
	}
	for (uint32_t i = 0; i < region->mem.part_count; i++)
		if (region->mem.parts[i].found == IVSH_SELF_NONE &&
		    region->mem.parts[i].slot == region->mem.self)
			attach->found_part = i;
}

int ivsh_attach_split(struct ivsh_region *region, struct ivsh_attach *attach)
{
	int error = ivsh_header_read(region, attach, IVSH_WIRE_FEATURE_SPLIT);
	const struct ivsh_mem_part *own;
	uint64_t size;

	if (!error)
		error = ivsh_split_layout(&region->geometry, &region->layout, &size);
	if (error)
		return error;
	region->place = ivsh_split_place;
	region->hints = hints_read;
	for (uint32_t i = 0; i < region->mem.part_count; i++)
		region->mem.parts[i].found = IVSH_SELF_NONE;
	for (uint32_t i = 0; i < region->mem.part_count; i++) {
		uint32_t slot = slot_claimed(&region->mem.parts[i]);

		if (region->mem.parts[i].found == IVSH_SELF_NONE && slot < region->geometry.slots &&
		    !part_of(region, slot))
			(void)part_find(region, slot);
	}
	parts_report(region, attach);
	/* The attach itself finds out that there is no such slot. */
	if (region->mem.self >= region->geometry.slots)
		return 0;
	own = part_of(region, region->mem.self);
	if (!own)
		return IVSH_EPART;
	return own->is_writable ? 0 : IVSH_EREADONLY;
}
