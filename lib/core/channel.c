/* SPDX-License-Identifier: MIT */
/*
 * channel.c - the two rings between this peer and another.
 *
 * Theory of operation: a ring is an array of descriptors, and two areas for payloads. The sender
 * fills the descriptor at its index and marks it valid with the wrap, how often the index has gone
 * round; the receiver waits for that wrap at its own index. No index of the sender is shared. The
 * receiver publishes its read index now and then, and the sender looks at it only when it thinks
 * that the ring is full. Where a payload stands follows from the lengths before it, so both ends
 * compute it, and the receiver believes no position that differs.
 */
#include "core/layout.h"
#include "core/ring.h"
#include "core/slot.h"

/* SPEC R7.2: payloads of up to this part of the hot area go there; larger ones to bulk. */
#define SMALL_SHARE 4

void ivsh_chan_stop(struct ivsh_chan *ch)
{
	ch->tx.limit = ch->tx.resume = ch->tx.head;
	ch->rx.limit = ch->rx.resume = ch->rx.read;
}

int ivsh_chan_break(struct ivsh_chan *ch, bool *broken)
{
	*broken = true;
	ivsh_chan_stop(ch);
	if (!ch->dead) {
		ch->dead = true;
		ch->region->counters.errors++;
		ivsh_slot_publish(ch->region);
	}
	return IVSH_EPROTO;
}

int ivsh_chan_enter(struct ivsh_chan *ch)
{
	struct ivsh_region *region = ch->region;

	if (!slot_keep(region))
		return IVSH_ELOST;
	store32(&region->slot->heartbeat, ++region->heartbeat);
	slot_tick_due(region);
	if (!ch->dead)
		return 0;
	return region->attached ? IVSH_EPROTO : IVSH_ELOST;
}

bool ivsh_ring_valid(const struct ivsh_area *area, const struct ivsh_record *now, uint64_t head,
    uint64_t body, bool start)
{
	uint32_t i = area_of(control_kind(head)), size = control_size(head);

	if (head & IVSH_WIRE_CONTROL_RESERVED)
		return false;
	if (control_kind(head) == IVSH_WIRE_KIND_INLINE)
		return size <= IVSH_WIRE_INLINE_MAX;
	/* SPEC R7.7: the payload is where the lengths before it put it, or may be anywhere. */
	return i < IVSH_AREAS && area_holds(&area[i], body, size) &&
	       (start || !area[i].known || body == area_place(&area[i], now->end[i], size));
}

/* What (value), a power of two, is 1 shifted by. Once a channel: not every processor has it. */
static uint32_t shift_of(uint32_t value)
{
	uint32_t shift = 0;

	for (; value > 1; value /= 2)
		shift++;
	return shift;
}

uint32_t ivsh_ring_waiting(const struct ivsh_wire_desc *desc, uint32_t descs, uint32_t read)
{
	uint32_t shift = shift_of(descs), waiting = 0;

	while (waiting < descs) {
		uint32_t index = read + waiting;
		uint64_t head = load64_acquire(&desc[index & (descs - 1)].control);

		if (control_wrap(head) != ring_wrap(index, shift))
			break;
		waiting++;
	}
	return waiting;
}

bool ivsh_ring_bell(struct ivsh_region *region, uint32_t peer, const uint32_t *wish, uint32_t *rung)
{
	const struct ivsh_doorbell *doorbell = &region->mem.doorbell;
	uint32_t want;

	/*
	 * Our store of a descriptor or a read index, this fence, the load of the wish; over there
	 * the store of the wish, a fence, the load of the descriptor or the read index. Without
	 * either fence both loads may come first, and a peer sleeps on what nobody announced.
	 * SPEC R8.2.
	 */
	fence_full();
	want = load32(wish);
	if (!doorbell->notify || (want & IVSH_WIRE_REQUEST_VECTOR) == 0 || want == *rung)
		return false;
	*rung = want;
	doorbell->notify(doorbell->ctx, peer, (want & IVSH_WIRE_REQUEST_VECTOR) - 1);
	region->counters.notifications_sent++;
	return true;
}

/* The ring from slot (sender) to slot (receiver), and its areas in area[]; NULL: it is not inside. */
static struct ivsh_wire_ring *ring_at(
    const struct ivsh_region *region, uint32_t sender, uint32_t receiver, struct ivsh_area *area)
{
	const struct ivsh_geometry *g = &region->geometry;
	uint8_t *ring;
	struct layout l;

	ivsh_layout_of(g, &l);
	ring = layout_at(region->mem.base, region->mem.size,
	    ivsh_layout_ring(g, &l, sender, receiver), l.stride);
	if (!ring)
		return NULL;
	area[IVSH_AREA_SMALL].base = ring + l.hot;
	area[IVSH_AREA_SMALL].size = g->small_size;
	area[IVSH_AREA_LARGE].base = ring + l.bulk;
	area[IVSH_AREA_LARGE].size = g->large_size;
	return (struct ivsh_wire_ring *)(void *)ring;
}

/* Take the channel out of the region's list. ivsh_region_next() begins anew, with all of them. */
static __attribute__((noinline)) void unlink_chan(
    struct ivsh_region *region, const struct ivsh_chan *ch)
{
	struct ivsh_chan **at = &region->chans;

	region->busy = NULL;
	region->busy_count = 0;
	region->pending_all = false;
	while (*at) {
		(*at)->busy = false;
		if (*at == ch)
			*at = ch->next;
		else
			at = &(*at)->next;
	}
}

int ivsh_chan_open(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count)
{
	const struct ivsh_geometry *g = &region->geometry;
	struct ivsh_wire_ring *out, *in;
	struct ivsh_wire_slot *slot;
	int error;

	/* It may be opened again without having been closed, when it broke. */
	if (region->attached)
		unlink_chan(region, ch);
	__builtin_memset(ch, 0, sizeof(*ch));
	ch->region = region;
	ch->dead = true;
	if (region->attached && !slot_is_ours(region))
		return ivsh_slot_lost(region);
	if (!region->attached || peer >= g->slots || peer == region->mem.self || count < g->descs)
		return IVSH_EINVAL;
	ch->dead = false;
	ch->peer = peer;
	ch->mask = g->descs - 1;
	ch->shift = shift_of(g->descs);
	out = ring_at(region, region->mem.self, peer, ch->tx.area);
	in = ring_at(region, peer, region->mem.self, ch->rx.area);
	slot = ivsh_slot_at(region, peer);
	if (!out || !in || !slot)
		return ivsh_chan_break(ch, &ch->tx.broken);

	ch->tx.mail = &slot->pending[region->mem.self]; /* SPEC R8.6 */
	ch->tx.own = &out->sender;
	ch->tx.other = &out->receiver;
	ch->tx.desc = (struct ivsh_wire_desc *)(out + 1);
	ch->tx.record = records;
	ch->tx.small_max = g->small_size / SMALL_SHARE;
	ch->rx.own = &in->receiver;
	ch->rx.other = &in->sender;
	ch->rx.desc = (const struct ivsh_wire_desc *)(in + 1);
	ch->open = true;
	ch->next = region->chans;
	region->chans = ch;
	ivsh_receiver_open(ch);
	error = ivsh_sender_open(ch);
	ivsh_chan_stop(ch);
	return error ? error : ivsh_chan_enter(ch);
}

void ivsh_chan_close(struct ivsh_chan *ch)
{
	if (!ch->dead)
		(void)ivsh_receiver_publish(ch);
	unlink_chan(ch->region, ch);
	ivsh_chan_stop(ch);
	ch->dead = true;
	ch->open = false;
}

uint32_t ivsh_chan_max(const struct ivsh_chan *ch)
{
	return ch->tx.area[IVSH_AREA_LARGE].size;
}
