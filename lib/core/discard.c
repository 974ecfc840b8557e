/* SPDX-License-Identifier: MIT */
/*
 * discard.c - dropping what was sent to a slot's earlier life.
 */
#include "core/ring.h"
#include "core/slot.h"

static void ring_discard(struct ivsh_region *region, struct ivsh_wire_ring *ring, uint32_t sender)
{
	const struct ivsh_wire_desc *desc = (const struct ivsh_wire_desc *)(ring + 1);
	uint32_t read = load32(&ring->receiver.read);
	uint32_t waiting = ivsh_ring_waiting(desc, region->geometry.descs, read), rung = 0;

	if (waiting == 0)
		return;
	store32_release(&ring->receiver.read, read + waiting);
	region->counters.discarded += waiting;
	(void)ivsh_ring_bell(region, sender, &ring->sender.notify_request, &rung);
}

/* Before the new life announces itself: what a peer sends to that must not go with the rest. */
void ivsh_attach_discard(struct ivsh_region *region)
{
	const struct ivsh_geometry *g = &region->geometry;
	struct layout l;

	ivsh_layout_of(g, &l);
	for (uint32_t sender = 0; sender < g->slots; sender++) {
		struct ivsh_wire_ring *ring;

		if (sender == region->mem.self)
			continue;
		ring = layout_at(region->mem.base, region->mem.size,
		    ivsh_layout_ring(g, &l, sender, region->mem.self), l.stride);
		if (ring)
			ring_discard(region, ring, sender);
	}
}
