/* SPDX-License-Identifier: MIT */
/*
 * region.c - attaching to a formatted memory, and leaving it.
 */
#include "core/region.h"

#include "core/atomic.h"
#include "core/layout.h"
#include "core/server.h"
#include "core/slot.h"
#include "core/text.h"

/* A formatter takes milliseconds and notifies nobody: poll the magic this often. */
#define FORMAT_POLL_NS UINT64_C(5000000)

uint64_t ivsh_region_now(const struct ivsh_region *region)
{
	return region->mem.doorbell.now_ns(region->mem.doorbell.ctx);
}

/*
 * Nobody has formatted the memory. Slot 0, if the caller allows it, does; R3.4 says that no other
 * peer does so at the same time. IVSH_EBUSY: wait for a formatter. No peer formats the common
 * memory of a split region. R17.3.3.
 */
static int format_try(const struct ivsh_mem *mem, struct ivsh_attach *a)
{
	/* Busy: another formatter was quicker. Wait for it, as for any other. */
	int error = a->formatter && mem->self == 0 ? a->formatter(mem, a) : IVSH_EBUSY;

	/* No peer can format a memory of this size. */
	if (error == IVSH_EBUSY && mem->size < layout_least()) {
		a->need_size = layout_least();
		error = IVSH_ENOSPC;
	}
	return error;
}

/* SPEC 3: wait until a magic is there. */
static int magic_wait(const struct ivsh_mem *mem, struct ivsh_attach *a)
{
	struct ivsh_wire_header *header = mem->base;
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx);

	for (;;) {
		uint64_t waited, magic = load64_acquire(&header->magic);

		if (magic == IVSH_WIRE_MAGIC)
			return 0;
		a->found_magic = magic;
		if (!ivsh_wire_magic_none(magic))
			return IVSH_EPROTO;
		if (!mem->split) {
			int error = format_try(mem, a);

			if (error != IVSH_EBUSY)
				return error;
		}
		waited = doorbell->now_ns(doorbell->ctx) - start;
		if (waited >= a->timeout_ns)
			return IVSH_ENODEV;
		doorbell->sleep(
		    doorbell->ctx, doorbell->count(doorbell->ctx), start + waited + FORMAT_POLL_NS);
	}
}

int ivsh_header_read(struct ivsh_region *region, struct ivsh_attach *a, uint32_t feature)
{
	const struct ivsh_wire_header *h = region->mem.base;
	struct ivsh_geometry *g = &region->geometry;
	uint64_t bytes;
	uint32_t logs;

	a->found_version = load32(&h->version);
	a->found_features = load32(&h->features);
	logs = a->found_features ^ feature;
	if (a->found_version != IVSH_WIRE_VERSION || logs > IVSH_WIRE_FEATURE_LOGS)
		return IVSH_EVERSION;
	g->slots = load32(&h->slots);
	g->descs = load32(&h->descs);
	g->small_size = load32(&h->small_size);
	g->large_size = load32(&h->large_size);
	region->format_id = load64(&h->format_id);
	/* Without the feature the word is a reserved one; with it, it is not 0. */
	g->log_size = load32(&h->log_size) & -logs;
	if (logs > g->log_size || ivsh_layout_of(g, &region->layout, &bytes))
		return IVSH_EPROTO;
	if (feature != 0)
		bytes = IVSH_WIRE_COMMON_SIZE;
	if (load64(&h->size) != bytes)
		return IVSH_EPROTO;
	a->need_size = bytes;
	if (bytes > region->mem.size)
		return IVSH_ENOSPC;
	a->found_slots = g->slots;
	return 0;
}

/* Read the header, and find the parts of a split region. */
static int region_read(struct ivsh_region *region, struct ivsh_attach *attach)
{
	return region->mem.split ? region->mem.split(region, attach)
				 : ivsh_header_read(region, attach, 0);
}

/* The first part of an attach, and of a probe. */
static int region_begin(
    struct ivsh_region *region, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	static const uint64_t unknown;

	__builtin_memset(region, 0, sizeof(*region));
	if (!mem->base || ((uintptr_t)mem->base & (IVSH_WIRE_PAGE - 1)))
		return IVSH_EINVAL;
	attach->need_size = IVSH_WIRE_PAGE;
	if (mem->size < IVSH_WIRE_PAGE)
		return IVSH_ENOSPC;
	region->mem = *mem;
	if (!region->mem.vm_generation)
		region->mem.vm_generation = &unknown;
	return 0;
}

int ivsh_region_probe(
    struct ivsh_region *region, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	int error = region_begin(region, mem, attach);
	const struct ivsh_wire_header *header = mem->base;

	if (error)
		return error;
	attach->found_magic = load64_acquire(&header->magic);
	if (ivsh_wire_magic_none(attach->found_magic))
		return IVSH_ENODEV;
	if (attach->found_magic != IVSH_WIRE_MAGIC)
		return IVSH_EPROTO;
	attach->found_magic = 0;
	return region_read(region, attach);
}

int ivsh_region_attach(
    struct ivsh_region *region, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	int error = region_begin(region, mem, attach);

	if (!error && (mem->self == IVSH_SELF_NONE || !ivsh_text_is_valid(attach->name)))
		error = IVSH_EINVAL;
	if (error)
		return error;
	region->nonce = attach->nonce;
	region->token = region->nonce ^ load64_private(region->mem.vm_generation);
	error = magic_wait(mem, attach);
	if (!error)
		error = region_read(region, attach);
	if (error)
		return error;
	region->slot = ivsh_slot_at(region, mem->self);
	if (!region->slot)
		return IVSH_EINVAL;
	if (attach->claim)
		error = attach->claim(region);
	else
		error = ivsh_slot_sign(region);
	if (error)
		return error;
	if (attach->reset)
		attach->reset(region);
	if (attach->restart)
		attach->restart(region);
	if (attach->counters)
		attach->counters(region);
	if (attach->discard)
		attach->discard(region);
	region->attached = true;
	region->change = server_change(region);
	region->round_slot = region->geometry.slots; /* no round goes on */
	ivsh_slot_announce(region, attach->name);
	return 0;
}

void ivsh_region_detach(struct ivsh_region *region)
{
	bool is_ours = false;

	/* A machine that was moved begins a new incarnation first: its twin may go on. */
	for (unsigned i = 0; i < 2 && region->attached && !is_ours; i++)
		is_ours = ivsh_slot_keep(region) == 0;
	if (region->attached)
		ivsh_slot_end(region);
	/* Nothing is stored into a slot that another peer has claimed. */
	if (!is_ours)
		return;
	ivsh_slot_counters(region);
	store32_release(&region->slot->state, IVSH_WIRE_STATE_DETACHED);
}
