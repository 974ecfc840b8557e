/* SPDX-License-Identifier: MIT */
/*
 * channel.c - the two rings between this peer and another.
 *
 * Theory of operation: a ring is an array of descriptors, and two areas for payloads. The sender
 * fills the descriptor at its index and marks it valid with the lap, how often the index has gone
 * round; the receiver waits for that lap at its own index. No index of the sender is shared. The
 * receiver publishes its read index now and then, and the sender looks at it only when it thinks
 * that the ring is full. Where a payload stands follows from the lengths before it, so both ends
 * compute it, and the receiver believes no position that differs.
 */
#include "layout.h"
#include "ring.h"
#include "slot.h"

int ivsh_chan_break(struct ivsh_chan *ch, bool *broken)
{
	*broken = true;
	if (!ch->dead) {
		ch->dead = true;
		ch->region->counters.errors++;
		ivsh_slot_publish(ch->region);
	}
	return IVSH_EPROTO;
}

int ivsh_chan_enter(struct ivsh_chan *ch)
{
	slot_beat(ch->region);
	if (!ch->region->attached)
		return IVSH_EBUSY;
	return ch->dead ? IVSH_EPROTO : 0;
}

bool ivsh_ring_head_valid(
    const struct ivsh_area *hot, const struct ivsh_area *bulk, uint64_t head, uint64_t body)
{
	uint32_t size = head_size(head);

	if (head & IVSH_WIRE_HEAD_RESERVED)
		return false;
	switch (head_kind(head)) {
	case IVSH_WIRE_KIND_INLINE:
		return size <= IVSH_WIRE_INLINE_MAX;
	case IVSH_WIRE_KIND_HOT:
		return area_holds(hot, body, size);
	case IVSH_WIRE_KIND_BULK:
		return area_holds(bulk, body, size);
	default:
		return false;
	}
}

static struct ivsh_wire_ring *ring_at(const struct ivsh_region *region, const struct layout *layout,
    uint32_t sender, uint32_t receiver)
{
	return layout_at(region->mem.base, region->mem.size,
	    ivsh_layout_ring(&region->geometry, layout, sender, receiver), layout->stride);
}

/* Our byte in slot (peer). SPEC R8.6. */
static uint8_t *mail_byte(const struct ivsh_region *region, uint32_t peer)
{
	uint64_t slot = IVSH_WIRE_SLOTS_OFFSET + (uint64_t)peer * sizeof(struct ivsh_wire_slot);

	return layout_at(region->mem.base, region->mem.size,
	    slot + offsetof(struct ivsh_wire_slot, mail) + region->mem.self, 1);
}

static void area_set(struct ivsh_area *area, void *ring, uint64_t offset, uint32_t size)
{
	area->base = (uint8_t *)ring + offset;
	area->size = size;
}

/* Take the channel out of the region's lists, where it stands in them. */
static void unlink_chan(struct ivsh_region *region, const struct ivsh_chan *ch)
{
	struct ivsh_chan *before = NULL;

	for (struct ivsh_chan **at = &region->busy; *at; before = *at, at = &(*at)->busy_next)
		if (*at == ch) {
			*at = ch->busy_next;
			region->busy_count--;
			if (region->busy_last == ch)
				region->busy_last = before;
			break;
		}
	for (struct ivsh_chan **at = &region->chans; *at; at = &(*at)->next)
		if (*at == ch) {
			*at = ch->next;
			return;
		}
}

int ivsh_chan_open(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count)
{
	const struct ivsh_geometry *g = &region->geometry;
	struct ivsh_wire_ring *out, *in;
	struct layout l;
	int error;

	/* It may be opened again without having been closed, when it broke. */
	if (region->attached)
		unlink_chan(region, ch);
	__builtin_memset(ch, 0, sizeof(*ch));
	ch->region = region;
	ch->dead = true;
	if (!region->attached || peer >= g->slots || peer == region->mem.self || count < g->descs)
		return IVSH_EINVAL;
	ch->dead = false;
	ch->peer = peer;
	ch->mask = g->descs - 1;
	ch->shift = (uint32_t)__builtin_ctz(g->descs);
	ivsh_layout_of(g, &l);
	out = ring_at(region, &l, region->mem.self, peer);
	in = ring_at(region, &l, peer, region->mem.self);
	ch->tx.mail = mail_byte(region, peer);
	if (!out || !in || !ch->tx.mail)
		return ivsh_chan_break(ch, &ch->tx.broken);

	ch->tx.own = &out->sender;
	ch->tx.other = &out->receiver;
	ch->tx.desc = (struct ivsh_wire_desc *)((uint8_t *)out + l.descs);
	ch->tx.record = records;
	area_set(&ch->tx.hot, out, l.hot, g->hot_size);
	area_set(&ch->tx.bulk, out, l.bulk, g->bulk_size);
	ch->rx.own = &in->receiver;
	ch->rx.other = &in->sender;
	ch->rx.desc = (const struct ivsh_wire_desc *)((uint8_t *)in + l.descs);
	area_set(&ch->rx.hot, in, l.hot, g->hot_size);
	area_set(&ch->rx.bulk, in, l.bulk, g->bulk_size);
	ch->open = true;
	region->mail_all = false;
	ch->next = region->chans;
	region->chans = ch;
	ivsh_receiver_open(ch);
	error = ivsh_sender_open(ch);
	return error ? error : ivsh_chan_enter(ch);
}

void ivsh_chan_close(struct ivsh_chan *ch)
{
	ivsh_chan_abandon(ch);
	if (!ch->dead && ch->region->attached)
		ivsh_receiver_publish(ch);
	unlink_chan(ch->region, ch);
	ch->dead = true;
	ch->open = false;
}

uint32_t ivsh_chan_max(const struct ivsh_chan *ch)
{
	return ch->tx.bulk.size;
}
