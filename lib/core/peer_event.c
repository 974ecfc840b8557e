/* SPDX-License-Identifier: MIT */
/*
 * peer_event.c - the events of the other slots: the difference between what was reported last and
 * what is now.
 */
#include "core/server.h"
#include "core/slot.h"

#include <ivsh/channel.h>
#include <ivsh/peers.h>

/*
 * A reset that was not reported yet. The structs of channels are private memory, so each is
 * checked.
 */
static bool lost_find(const struct ivsh_region *region, struct ivsh_peer_event *event)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (ch->lost == ch->lost_reported)
			continue;
		ch->lost_reported = ch->lost;
		/* SPEC R6.5.6: the next incarnation need not report it again. */
		if (!ch->dead && !ch->tx.waiting && !ch->tx.closed)
			store32(&ch->tx.own->reported, ch->tx.generation);
		if (!ch->dead && !ch->rx.closed)
			store32(&ch->rx.own->reported, ch->rx.generation_ack);
		event->kind = IVSH_PEER_EVENT_LOST;
		event->slot = ch->peer;
		return true;
	}
	return false;
}

/* Whether (peer) differs from what was reported of it; then *kind says how. */
static bool peer_has_changed(struct ivsh_peer *peer, enum ivsh_peer_event_kind *kind)
{
	uint32_t now = peer->presence == IVSH_PEER_ATTACHED ? peer->incarnation : 0;

	if (now == peer->reported)
		return false;
	*kind = now == 0              ? IVSH_PEER_EVENT_DOWN
		: peer->reported == 0 ? IVSH_PEER_EVENT_UP
				      : IVSH_PEER_EVENT_RESTARTED;
	peer->reported = now;
	return true;
}

/* Begin another round over all slots, if one is due. */
static void round_begin(struct ivsh_region *region)
{
	uint32_t change = server_change(region);
	uint64_t now = ivsh_region_now(region);

	if (change == region->round_change && now - region->round_ns < IVSH_PEER_EVENT_NS)
		return;
	region->round_change = change;
	region->round_ns = now;
	region->round_slot = 0;
}

/* Go on with the round, up to the next slot that has changed. False: there is none. */
static bool round_go_on(
    struct ivsh_region *region, struct ivsh_peer *peers, struct ivsh_peer_event *event)
{
	while (region->round_slot < region->geometry.slots) {
		uint32_t slot = event->slot = region->round_slot++;

		if (slot != region->mem.self && !ivsh_region_peer(region, slot, &peers[slot]) &&
		    peer_has_changed(&peers[slot], &event->kind))
			return true;
	}
	return false;
}

int ivsh_region_peer_event(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    struct ivsh_peer_event *event)
{
	int error;

	if (count < region->geometry.slots)
		return IVSH_EINVAL;
	error = ivsh_slot_enter(region);
	if (error && error != IVSH_EAGAIN)
		return error;
	if (region->moved != region->moved_reported) {
		region->moved_reported = region->moved;
		event->kind = IVSH_PEER_EVENT_MOVED;
		event->slot = region->mem.self;
		return 0;
	}
	if (lost_find(region, event) || round_go_on(region, peers, event))
		return 0;
	round_begin(region);
	return round_go_on(region, peers, event) ? 0 : IVSH_EAGAIN;
}
