/* SPDX-License-Identifier: MIT */
/*
 * channel.c - opening, resetting and closing the two rings between this peer and another.
 */
#include "core/atomic.h"
#include "core/check.h"
#include "core/condition.h"
#include "core/one_way.h"
#include "core/place.h"
#include "core/receiver.h"
#include "core/reset.h"
#include "core/ring.h"
#include "core/sender.h"
#include "core/slot.h"

/* SPEC R7.2: payloads of up to this part of the small area, and of up to these bytes, go there;
 * larger ones go to the large area. */
#define SMALL_SHARE 4
#define SMALL_PAYLOAD 1024u

/* Take the channel out of the region's list. ivsh_region_next() begins anew, with all of them. */
static __attribute__((__noinline__)) void unlink_chan(
    struct ivsh_region *region, const struct ivsh_chan *ch)
{
	struct ivsh_chan **at = &region->chans;

	region->queue = NULL;
	region->queue_count = 0;
	region->pending_all = false;
	while (*at) {
		(*at)->is_queued = false;
		if (*at == ch)
			*at = ch->next;
		else
			at = &(*at)->next;
	}
}

/*
 * Point into the two rings. 0, or IVSH_EPART: not all is here of what the channel needs. Without
 * the peer's half of the ring from it the channel only sends.
 */
static int rings_find(struct ivsh_chan *ch, struct ivsh_record *records)
{
	const struct ivsh_region *region = ch->region;
	const struct ivsh_geometry *g = &region->geometry;
	uint32_t self = region->mem.self;
	struct ring out, in;

	if (!ivsh_ring_at(region, self, ch->peer, &out, ch->tx.area))
		return IVSH_EPART;
	if (!ivsh_ring_at(region, ch->peer, self, &in, ch->rx.area))
		ch->rx.closed = true;
	/* With that, nothing would be left. */
	if (ch->tx.closed && ch->rx.closed)
		return IVSH_EPART;
	ch->mask = g->descs - 1;
	ch->shift = ring_shift(g->descs);
	ch->tx.own = out.sender;
	ch->tx.other = out.receiver;
	ch->tx.desc = out.desc;
	ch->tx.pending = ivsh_place(region, PLACE_PENDING, self, ch->peer); /* SPEC R8.6.2 */
	ch->tx.record = records;
	ch->tx.small_max = g->small_size / SMALL_SHARE;
	if (ch->tx.small_max > SMALL_PAYLOAD)
		ch->tx.small_max = SMALL_PAYLOAD;
	ch->rx.own = in.receiver;
	/* Nothing of that ring is loaded, even where it is mapped. SPEC R18.1.3. */
	if (!ch->rx.closed) {
		ch->rx.other = in.sender;
		ch->rx.desc = in.desc;
	}
	return 0;
}

/*
 * Open both rings for the first time of all incarnations of this slot: our own words are 0, but for
 * a read index that an attach has moved past the backlog. IVSH_EINVAL: it is not the first time.
 */
static int rings_first(struct ivsh_chan *ch)
{
	if ((load32(&ch->tx.own->incarnation) | load32(&ch->rx.own->incarnation)) != 0) {
		ch->dead = true;
		return IVSH_EINVAL;
	}
	store32(&ch->tx.own->incarnation, ch->region->incarnation);
	store32(&ch->rx.own->incarnation, ch->region->incarnation);
	ch->rx.read = ch->rx.published = ch->rx.credit_end = load32(&ch->rx.own->read);
	return 0;
}

int ivsh_chan_open_one_way(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count, uint32_t one_way)
{
	int error;

	/* A channel that broke may be opened again without having been closed. */
	if (region->attached)
		unlink_chan(region, ch);
	__builtin_memset(ch, 0, sizeof(*ch));
	ch->region = region;
	ch->dead = true;
	if (region->attached && ivsh_slot_keep(region) && !region->attached)
		return slot_error(region);
	if (!region->attached || peer >= region->geometry.slots || peer == region->mem.self ||
	    count < region->geometry.descs || one_way > IVSH_RECEIVE_ONLY)
		return IVSH_EINVAL;
	ch->dead = false;
	ch->peer = peer;
	ch->rx.closed = one_way == IVSH_SEND_ONLY;
	ch->tx.closed = one_way == IVSH_RECEIVE_ONLY;
	if (rings_find(ch, records)) {
		ch->dead = true;
		return IVSH_EPART;
	}
	if (!region->rings_open && rings_first(ch))
		return IVSH_EINVAL;
	ch->open = true;
	ch->next = region->chans;
	region->chans = ch;
	region->channels_check = ivsh_channels_check;
	error = region->rings_open ? region->rings_open(ch) : 0;
	ivsh_chan_declare(ch);
	if (!error)
		error = ivsh_chan_enter(ch);
	/* A machine that was moved meanwhile has begun both rings anew. */
	return error == IVSH_EAGAIN ? 0 : error;
}

int ivsh_chan_open(struct ivsh_chan *ch, struct ivsh_region *region, uint32_t peer,
    struct ivsh_record *records, uint32_t count)
{
	return ivsh_chan_open_one_way(ch, region, peer, records, count, 0);
}

int ivsh_chan_reset(struct ivsh_chan *ch)
{
	int error;

	if (!ch->open || !ch->region->sender_follow)
		return IVSH_EINVAL;
	error = ivsh_slot_enter(ch->region);
	if (error && error != IVSH_EAGAIN)
		return error;
	if (!ch->dead)
		return 0;
	ch->dead = ch->unreported = false;
	ch->region->pending_all = false;
	ch->tx.reserved = ch->rx.peeked = false;
	if (ch->tx.broken && !ch->tx.closed)
		ivsh_sender_restart(ch, load32_acquire(&ch->tx.other->reset_request));
	if (ch->rx.broken && !ch->rx.closed)
		ivsh_receiver_restart(ch);
	ch->tx.broken = ch->rx.broken = false;
	return 0;
}

void ivsh_chan_close(struct ivsh_chan *ch)
{
	/* The next incarnation takes nothing that was there before the machine was moved. */
	if (!ch->dead && ivsh_slot_keep(ch->region) == 0)
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
