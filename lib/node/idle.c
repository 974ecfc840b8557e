/* SPDX-License-Identifier: MIT */
/*
 * idle.c - waiting, and resetting broken channels meanwhile.
 */
#include "node/inside.h"

/* Reset the channel, at most IVSH_NODE_RESETS times for each incarnation of its peer. */
int ivsh_node_mend(struct ivsh_node *node, uint32_t peer)
{
	struct ivsh_node_link *link = &node->links[peer];
	struct ivsh_chan *ch = &node->chans[peer];

	if (!ch->dead)
		return 0;
	if (!ch->open)
		return ivsh_node_part(node, peer);
	ivsh_node_hold(node, peer, false);
	if (ivsh_region_peer(&node->region, peer, &node->peers[peer]) == 0 &&
	    node->peers[peer].incarnation != link->incarnation) {
		link->incarnation = node->peers[peer].incarnation;
		link->resets = 0;
		link->broken = link->broken_reported = false;
	}
	if (link->resets == IVSH_NODE_RESETS) {
		link->broken = true;
		return IVSH_EPROTO;
	}
	link->resets++;
	return ivsh_chan_reset(ch);
}

void ivsh_node_mend_all(struct ivsh_node *node)
{
	for (uint32_t i = 0; i < node->slots; i++)
		if (i != node->self && node->chans[i].dead && node->chans[i].open &&
		    ivsh_node_mend(node, i)) {
			/* A lost slot shows in the next call; ivsh_node_next_event() reports the
			 * rest. */
		}
}

void ivsh_node_hold(struct ivsh_node *node, uint32_t peer, bool held)
{
	struct ivsh_node_link *link = &node->links[peer];

	if (link->held == held)
		return;
	link->held = held;
	if (held)
		node->held++;
	else
		node->held--;
	near_stop(node);
}

static int wait_once(struct ivsh_node *node, uint32_t wanted, uint64_t timeout_ns, uint32_t *events)
{
	struct ivsh_wait wait = node->wait;
	int error;

	wait.wanted = wanted;
	*events = 0;
	error = node->parts_out ? ivsh_node_parts_wait(node, &wait, timeout_ns, events)
				: ivsh_region_wait(&node->region, &wait, timeout_ns, events);
	/* Also a channel that is not used any more: its peer may have come back. */
	if (!error)
		ivsh_node_mend_all(node);
	return error;
}

/* Channels on which room ends a wait. */
struct rooms {
	const struct ivsh_chan *one; /* NULL: none */
	bool owed;                   /* also where a stream owes a control message */
};

static bool is_among(const struct ivsh_node *node, const struct rooms *rooms, uint32_t i)
{
	return &node->chans[i] == rooms->one || (rooms->owed && node->links[i].owed);
}

static bool is_any_blocked(const struct ivsh_node *node, const struct rooms *rooms)
{
	for (uint32_t i = 0; rooms->owed && i < node->slots; i++)
		if (node->chans[i].tx.blocked && is_among(node, rooms, i))
			return true;
	return rooms->one && rooms->one->tx.blocked;
}

/* Room on other channels ends no wait for room on these. */
static void others_mute(struct ivsh_node *node, const struct rooms *rooms)
{
	for (uint32_t i = 0; i < node->slots; i++)
		if (i != node->self && !is_among(node, rooms, i))
			room_begin(node, &node->chans[i]);
}

static void others_unmute(struct ivsh_node *node, const struct rooms *rooms)
{
	for (uint32_t i = 0; i < node->slots; i++)
		if (i != node->self && !is_among(node, rooms, i))
			room_end(node, &node->chans[i]);
}

int ivsh_node_idle(struct ivsh_node *node, uint32_t wanted, const struct ivsh_chan *room,
    const struct limit *limit, uint64_t most_ns)
{
	/* Callers that wait for a message flush the streams before each wait. */
	const struct rooms rooms = {room, node->streams && (wanted & IVSH_EVENT_MESSAGE)};
	uint64_t left = limit_left(node, limit);
	uint32_t events;
	int error;

	if (left == 0) {
		(void)parts_look(node);
		return IVSH_EAGAIN;
	}
	if (left > most_ns)
		left = most_ns;
	if (is_any_blocked(node, &rooms)) {
		others_mute(node, &rooms);
		error = wait_once(node, wanted | IVSH_EVENT_SPACE, left, &events);
		others_unmute(node, &rooms);
	} else {
		error = wait_once(node, wanted, left, &events);
	}
	/* The region reports each of these once, and the application has not seen it. */
	node->seen |= events & (IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN);
	return error;
}

/*
 * Room was reported. Whether the application still needs it, where a stream found none, only its
 * next call shows.
 */
static void room_reported(struct ivsh_node *node)
{
	for (uint32_t i = 0; i < node->slots; i++) {
		struct ivsh_node_link *link = &node->links[i];

		if (!link->once || (node->streams && link->owed))
			continue;
		link->once = node->chans[i].tx.blocked = false;
	}
}

int ivsh_node_wait(struct ivsh_node *node, uint64_t timeout_ns, uint32_t *events)
{
	uint32_t ignored;
	bool some;
	int error;

	if (!events)
		events = &ignored;
	if (node->streams)
		node->streams_flush(node);
	some = node->held != 0 || node->inbox_first != node->inbox_end;
	error = wait_once(node, 0, some || node->seen ? 0 : timeout_ns, events);
	if (error)
		return error;
	if (*events & IVSH_EVENT_SPACE)
		room_reported(node);
	if (some)
		*events |= IVSH_EVENT_MESSAGE;
	*events |= node->seen;
	node->seen = 0;
	return 0;
}
