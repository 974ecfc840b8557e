/* SPDX-License-Identifier: MIT */
/*
 * ring.c - what both ends of a ring compute alike.
 *
 * Theory of operation: a ring is an array of descriptors, and two areas for payloads. The sender
 * fills the descriptor at its index and marks it valid with the wrap counter, which says how often
 * the index has gone round; the receiver waits for that value at its own index. The sender shares
 * no index. The receiver publishes its read index now and then, and the sender loads it only when
 * the ring seems full. A payload follows the one before it, or stands at its area's beginning, so
 * both ends compute the two positions, and the receiver believes no other.
 */
#include "core/ring.h"

#include "core/area.h"
#include "core/descriptor.h"
#include "core/layout.h"
#include "core/place.h"
#include "core/trace.h"

bool ivsh_ring_at(const struct ivsh_region *region, uint32_t sender, uint32_t receiver,
    struct ring *ring, struct ivsh_area *area)
{
	const struct ivsh_geometry *g = &region->geometry;
	struct ivsh_wire_ring *out = ivsh_place(region, PLACE_SENDER, sender, receiver);
	struct ivsh_wire_ring *in = ivsh_place(region, PLACE_RECEIVER, sender, receiver);

	ring->receiver = in ? &in->receiver : NULL;
	if (!out || !in)
		return false;
	ring->sender = &out->sender;
	ring->desc = (struct ivsh_wire_desc *)(out + 1);
	area[IVSH_AREA_SMALL].base = (uint8_t *)out + region->layout.small;
	area[IVSH_AREA_SMALL].size = g->small_size;
	area[IVSH_AREA_LARGE].base = (uint8_t *)out + region->layout.large;
	area[IVSH_AREA_LARGE].size = g->large_size;
	return true;
}

bool ivsh_ring_valid(const struct ivsh_area *area, const struct ivsh_record *now, uint64_t control,
    uint64_t body, bool start)
{
	uint32_t i = area_of(control_kind(control)), size = control_bytes(control);

	if (control & IVSH_WIRE_CONTROL_RESERVED)
		return false;
	if (control_kind(control) == IVSH_WIRE_KIND_INLINE)
		return size <= IVSH_WIRE_INLINE_MAX;
	/* SPEC R7.7.4: the payload is where the lengths before it say, or at the area's beginning;
	 * or it may be anywhere. */
	return area_holds(&area[i], body, size) &&
	       (start || !area[i].known || area_follows(&area[i], now->end[i], body));
}

uint32_t ivsh_ring_waiting(
    const struct ivsh_wire_desc *desc, uint32_t descs, uint32_t read, uint32_t *messages)
{
	uint32_t shift = ring_shift(descs), waiting = 0;

	*messages = 0;

	while (waiting < descs) {
		uint32_t index = read + waiting;
		uint64_t control = descriptor_load(&desc[index & (descs - 1)]);

		if (control_wrap(control) != ring_wrap(index, shift))
			break;
		waiting++;
		*messages +=
		    control_kind(control) == IVSH_WIRE_KIND_PACKED ? packed_count(control) : 1;
	}
	return waiting;
}

bool ivsh_ring_notify(
    struct ivsh_region *region, uint32_t peer, const uint32_t *request, uint32_t *notified)
{
	const struct ivsh_doorbell *doorbell = &region->mem.doorbell;
	uint32_t word;

	/*
	 * Here: the store of a descriptor or a read index, this fence, the load of the request.
	 * There: the store of the request, a fence, the load of the descriptor or the read index.
	 * Without either fence both loads may come first: the peer sleeps, and nobody notifies it.
	 * SPEC R8.2.3.
	 */
	fence_full();
	word = load32(request);
	if (!doorbell->notify || (word & IVSH_WIRE_REQUEST_VECTOR) == 0 || word == *notified)
		return false;
	*notified = word;
	doorbell->notify(doorbell->ctx, peer, (word & IVSH_WIRE_REQUEST_VECTOR) - 1);
	TRACE3(doorbell, region->mem.self, peer, (word & IVSH_WIRE_REQUEST_VECTOR) - 1);
	region->counters.notifications_sent++;
	return true;
}
