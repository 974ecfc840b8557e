/* SPDX-License-Identifier: MIT */
/*
 * discard.c - dropping the backlog: messages that were sent to a slot's earlier incarnation.
 */
#include "core/atomic.h"
#include "core/ring.h"

static void ring_discard(struct ivsh_region *region, const struct ring *ring, uint32_t sender)
{
	uint32_t read = load32(&ring->receiver->read), notified = 0;
	uint32_t messages, waiting;

	waiting = ivsh_ring_waiting(ring->desc, region->geometry.descs, read, &messages);
	if (waiting == 0)
		return;
	store32_release(&ring->receiver->read, read + waiting);
	region->counters.discarded += messages;
	(void)ivsh_ring_notify(region, sender, &ring->sender->notify_request, &notified);
}

/* Before the slot is announced: messages to the new incarnation must not be dropped. */
void ivsh_attach_discard(struct ivsh_region *region)
{
	for (uint32_t sender = 0; sender < region->geometry.slots; sender++) {
		struct ivsh_area area[IVSH_AREAS];
		struct ring ring;

		if (sender != region->mem.self &&
		    ivsh_ring_at(region, sender, region->mem.self, &ring, area))
			ring_discard(region, &ring, sender);
	}
}
