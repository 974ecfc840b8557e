/* SPDX-License-Identifier: MIT */
/*
 * news.c - what happened to the other slots, and who of them is meant.
 */
#include "core/slot.h"

#include <ivsh/channel.h>

/* A reset that was not told of yet: what a channel keeps is private memory, so all are looked at. */
static bool news_lost(const struct ivsh_region *region, struct ivsh_peer_event *news)
{
	for (struct ivsh_chan *ch = region->chans; ch; ch = ch->next) {
		if (ch->lost == ch->lost_reported)
			continue;
		ch->lost_reported = ch->lost;
		/* SPEC R6.5: the next life need not say so again. */
		if (!ch->dead && !ch->tx.waiting)
			store32(&ch->tx.own->reported, ch->tx.generation);
		if (!ch->dead)
			store32(&ch->rx.own->reported, ch->rx.generation_ack);
		news->kind = IVSH_PEER_EVENT_LOST;
		news->slot = ch->peer;
		return true;
	}
	return false;
}

/* The difference between (peer) as told and as just seen. */
static bool news_peer(struct ivsh_peer *peer, enum ivsh_peer_event_kind *kind)
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

/* Begin another round of looks at all slots, if it is time for one. */
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

/* Go on with the round: whether a slot has news. */
static bool round_look(
    struct ivsh_region *region, struct ivsh_peer *peers, struct ivsh_peer_event *news)
{
	while (region->round_slot < region->geometry.slots) {
		uint32_t slot = news->slot = region->round_slot++;

		if (slot != region->mem.self && !ivsh_region_peer(region, slot, &peers[slot]) &&
		    news_peer(&peers[slot], &news->kind))
			return true;
	}
	return false;
}

int ivsh_region_peer_event(struct ivsh_region *region, struct ivsh_peer *peers, uint32_t count,
    struct ivsh_peer_event *news)
{
	if (count < region->geometry.slots)
		return IVSH_EINVAL;
	slot_beat(region);
	if (!region->attached)
		return IVSH_ELOST;
	if (news_lost(region, news) || round_look(region, peers, news))
		return 0;
	round_begin(region);
	return round_look(region, peers, news) ? 0 : IVSH_EAGAIN;
}
