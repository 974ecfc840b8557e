/* SPDX-License-Identifier: MIT */
/*
 * peer.c - reading the other slots, and the server's words about them.
 */
#include "core/server.h"
#include "core/slot.h"
#include "core/text.h"

#include <ivsh/peers.h>

/* Whether a server's heartbeat moves, as it was seen last. */
static bool server_lives(const struct ivsh_region *region, uint64_t now)
{
	return region->server_epoch != 0 && now - region->server_seen_ns <= IVSH_SERVER_LIMIT_NS;
}

/*
 * The state of the slot's socket as the server reports it, and the connection word with it. The
 * server's words count only while its heartbeat moves: a server that was killed must not vouch for
 * a peer. R4.3.
 */
static enum ivsh_connection connection_read(
    struct ivsh_region *region, uint32_t slot, uint64_t now, uint32_t *word)
{
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t epoch, heartbeat;

	if (!server)
		return IVSH_CONNECTION_UNKNOWN;
	epoch = load32_acquire(&server->epoch);
	heartbeat = load32(&server->heartbeat);
	if (epoch != region->server_epoch || heartbeat != region->server_heartbeat ||
	    region->server_seen_ns == 0) {
		region->server_epoch = epoch;
		region->server_heartbeat = heartbeat;
		region->server_seen_ns = now;
	}
	if (!server_lives(region, now))
		return IVSH_CONNECTION_UNKNOWN;
	*word = load32_acquire(&server->connection[slot]);
	if (*word == 0)
		return IVSH_CONNECTION_UNKNOWN;
	return *word & 1 ? IVSH_CONNECTION_UP : IVSH_CONNECTION_DOWN;
}

/*
 * Whether the server saw the incarnation in slot (s) go: its socket is down, or is not the one that
 * it attached with. So a machine that boots again is not taken for the killed one. SPEC R5.9.1.
 */
static bool incarnation_ended(const struct ivsh_region *region, const struct ivsh_wire_slot *s,
    enum ivsh_connection connection, uint32_t word)
{
	if (connection != IVSH_CONNECTION_UP)
		return connection == IVSH_CONNECTION_DOWN;
	return load32(&s->server_epoch) == region->server_epoch && load32(&s->connection) != word;
}

/*
 * For how long a heartbeat may stand still. While the server lives, an incarnation of another
 * server epoch was mostly copied here by a migration, and its peer stayed behind. SPEC R5.4.4.
 */
static uint64_t silence_limit(
    const struct ivsh_region *region, const struct ivsh_wire_slot *s, uint64_t now)
{
	uint32_t epoch = load32(&s->server_epoch);

	if (!server_lives(region, now) || epoch == 0 || epoch == region->server_epoch)
		return IVSH_HEARTBEAT_LIMIT_NS;
	return IVSH_HEARTBEAT_SHORT_NS;
}

/*
 * Whether no peer that keeps SPEC.md leaves these two words so: its incarnation, which is never 0,
 * comes before its state. SPEC R5.3.4.
 */
static bool is_broken(uint32_t state, uint32_t incarnation)
{
	return state > IVSH_WIRE_STATE_DETACHED ||
	       (state != IVSH_WIRE_STATE_EMPTY && incarnation == 0);
}

/* No lines of the slot are here: of a split region, perhaps. The server's words about it are. */
static int peer_none(
    struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer, uint64_t now)
{
	uint32_t word = 0;

	if (slot >= region->geometry.slots)
		return IVSH_EINVAL;
	peer->presence = IVSH_PEER_ABSENT;
	peer->connection = connection_read(region, slot, now, &word);
	peer->incarnation = peer->vectors = 0;
	peer->silent_ns = 0;
	peer->name[0] = '\0';
	return 0;
}

int ivsh_region_peer(struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);
	uint64_t now = ivsh_region_now(region) | 1; /* a time of 0 means never seen */
	uint32_t state, heartbeat, word = 0;

	if (!s)
		return peer_none(region, slot, peer, now);
	(void)ivsh_slot_enter(region);
	state = load32_acquire(&s->state);
	heartbeat = load32(&s->heartbeat);
	if (peer->seen_ns == 0 || heartbeat != peer->heartbeat) {
		peer->heartbeat = heartbeat;
		peer->seen_ns = now;
	}
	peer->silent_ns = now - peer->seen_ns;
	peer->incarnation = load32_acquire(&s->incarnation);
	peer->vectors = load32(&s->vectors);
	peer->connection = connection_read(region, slot, now, &word);
	if (ivsh_text_read(s, s->name, peer->name, sizeof(peer->name)))
		peer->name[0] = '\0';
	ivsh_text_clean(peer->name, sizeof(peer->name));

	if (is_broken(state, peer->incarnation))
		peer->presence = IVSH_PEER_BROKEN;
	else if (state != IVSH_WIRE_STATE_ATTACHED)
		peer->presence = IVSH_PEER_ABSENT;
	else if (incarnation_ended(region, s, peer->connection, word))
		peer->presence = IVSH_PEER_GONE;
	else if (peer->silent_ns > silence_limit(region, s, now))
		peer->presence = IVSH_PEER_SILENT;
	else
		peer->presence = IVSH_PEER_ATTACHED;
	return 0;
}

int ivsh_region_counters(
    const struct ivsh_region *region, uint32_t slot, struct ivsh_counters *counters)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);

	if (!s)
		return slot_none(region, slot);
	if (slot == region->mem.self && region->attached) {
		*counters = region->counters;
		counters->notifications_suppressed = counters->sent - region->notified;
		return 0;
	}
	counters->sent = load64(&s->sent);
	counters->received = load64(&s->received);
	counters->full = load64(&s->full);
	counters->discarded = load64(&s->discarded);
	counters->notifications_sent = load64(&s->notifications_sent);
	counters->notifications_suppressed = load64(&s->notifications_suppressed);
	counters->wakes_doorbell = load64(&s->wakes_doorbell);
	counters->wakes_timer = load64(&s->wakes_timer);
	counters->errors = load64(&s->errors);
	counters->lost = load64(&s->lost);
	counters->missed_notifications = load64(&s->missed_notifications);
	return 0;
}
