/* SPDX-License-Identifier: MIT */
/*
 * request.c - requesting notifications from the peers of a region.
 */
#include "core/request.h"

#include "core/atomic.h"
#include "core/notify.h"
#include "core/server.h"
#include "core/slot.h"

#include <ivsh/channel.h>

/* (slot) modulo (count), by subtraction: some processors have no division. */
static uint32_t slot_modulo(uint32_t slot, uint32_t count)
{
	for (uint32_t times = IVSH_WIRE_SLOTS_MAX; times != 0; times /= 2)
		if (slot >= count * times)
			slot -= count * times;
	return slot;
}

/*
 * SPEC R8.4: the vector by which slot (peer) is to notify us. Not called without vectors. The
 * peer's device must have the vector, too, or QEMU drops the doorbell write (hw/misc/ivshmem.c:
 * ivshmem_io_write). A peer that stores a wrong number of vectors costs only its own notifications.
 */
static uint32_t vector_for(const struct ivsh_region *region, uint32_t peer)
{
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t vectors = region->mem.doorbell.vectors;
	uint32_t served = server && load32(&server->epoch) ? load32(&server->vectors) : 0;
	const struct ivsh_wire_slot *slot = ivsh_slot_at(region, peer);
	uint32_t theirs = slot ? load32(&slot->vectors) : 0;

	if (served != 0 && served < vectors)
		vectors = served;
	if (theirs < vectors)
		vectors = theirs;
	return vectors < 2 ? 0 : 1 + slot_modulo(peer, vectors - 1);
}

/* Store a new request for (vector) into (word), our own; *request is what stands there. */
static void request_make(uint32_t *word, uint32_t *request, uint32_t vector)
{
	*request =
	    ((*request >> IVSH_WIRE_REQUEST_SHIFT) + 1) << IVSH_WIRE_REQUEST_SHIFT | (vector + 1);
	store32(word, *request);
}

/* Take the request back and keep the count: the next one differs from all that were answered. */
static void request_end(uint32_t *word, uint32_t *request)
{
	if ((*request & IVSH_WIRE_REQUEST_VECTOR) == 0)
		return;
	*request &= ~IVSH_WIRE_REQUEST_VECTOR;
	store32(word, *request);
}

/*
 * Set our notify flags in both rings, where that was not done, so that the peer loads our requests.
 * A peer that has not seen the flags yet may have a message or a read index on its way: see
 * (requests_ns). SPEC R8.7.4.
 */
static void flags_set(struct ivsh_region *region, struct ivsh_chan *ch)
{
	if (ch->tx.notify_flags & ch->rx.notify_flags & IVSH_WIRE_NOTIFY_REQUEST)
		return;
	ivsh_receiver_flags(ch, ch->rx.notify_flags | IVSH_WIRE_NOTIFY_REQUEST);
	store32(&ch->tx.own->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	ch->tx.notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	region->requests_ns = ivsh_region_now(region);
}

void ivsh_requests_make(struct ivsh_region *region)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		uint32_t vector = vector_for(region, ch->peer);

		if (ch->dead)
			continue;
		flags_set(region, ch);
		request_make(&ch->rx.own->notify_request, &ch->rx.request, vector);
		if (ch->tx.blocked)
			request_make(&ch->tx.own->notify_request, &ch->tx.request, vector);
	}
}

void ivsh_requests_end(struct ivsh_region *region)
{
	if (!region->attached)
		return;
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		request_end(&ch->rx.own->notify_request, &ch->rx.request);
		request_end(&ch->tx.own->notify_request, &ch->tx.request);
	}
}
