/* SPDX-License-Identifier: MIT */
/*
 * peer.c - looking at the other slots.
 */
#include "slot.h"

/* How often a name that is just being written is read again before it is given up. */
#define NAME_TRIES 4

/* What others wrote goes to somebody's terminal: only printable ASCII passes. SPEC R5.7. */
static void name_read(const struct ivsh_wire_slot *slot, char name[IVSH_WIRE_NAME_SIZE])
{
	for (unsigned try = 0; try < NAME_TRIES; try++) {
		uint32_t generation = load32_acquire(&slot->generation);

		__builtin_memcpy(name, slot->name, IVSH_WIRE_NAME_SIZE);
		/* Orders the bytes before the second look; the writer is ivsh_slot_announce(). */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(generation & 1) && load32(&slot->generation) == generation) {
			name[IVSH_WIRE_NAME_SIZE - 1] = '\0';
			for (unsigned i = 0; name[i]; i++)
				if (name[i] < 0x20 || name[i] > 0x7e)
					name[i] = '?';
			return;
		}
	}
	name[0] = '\0';
}

/*
 * What the server says of the slot. Its words count while its beat moves: a server that was killed
 * must not vouch for the living for ever. SPEC R4.3.
 */
static enum ivsh_connection connection_read(struct ivsh_region *region, uint32_t slot, uint64_t now)
{
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t epoch, beat, word;

	if (!server)
		return IVSH_CONNECTION_UNKNOWN;
	epoch = load32_acquire(&server->epoch);
	beat = load32(&server->beat);
	if (epoch != region->server_epoch || beat != region->server_beat ||
	    region->server_seen_ns == 0) {
		region->server_epoch = epoch;
		region->server_beat = beat;
		region->server_seen_ns = now;
	}
	if (epoch == 0 || now - region->server_seen_ns > IVSH_SERVER_LIMIT_NS)
		return IVSH_CONNECTION_UNKNOWN;
	word = load32_acquire(&server->connection[slot]);
	if (word == 0)
		return IVSH_CONNECTION_UNKNOWN;
	return word & 1 ? IVSH_CONNECTION_UP : IVSH_CONNECTION_DOWN;
}

int ivsh_region_peer(struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer)
{
	const struct ivsh_wire_slot *s = slot_at(region, slot);
	uint64_t now = ivsh_region_now(region) | 1; /* a time of 0 means never seen */
	uint32_t state, heartbeat;

	if (!s)
		return IVSH_EINVAL;
	slot_beat(region);
	state = load32_acquire(&s->state);
	heartbeat = load32(&s->heartbeat);
	if (peer->seen_ns == 0 || heartbeat != peer->heartbeat) {
		peer->heartbeat = heartbeat;
		peer->seen_ns = now;
	}
	peer->silent_ns = now - peer->seen_ns;
	peer->boot = load32_acquire(&s->boot);
	peer->vectors = load32(&s->vectors);
	peer->connection = connection_read(region, slot, now);
	name_read(s, peer->name);

	if (state != IVSH_WIRE_STATE_ATTACHED)
		peer->presence = IVSH_PEER_ABSENT;
	else if (peer->connection == IVSH_CONNECTION_DOWN)
		peer->presence = IVSH_PEER_GONE;
	else if (peer->silent_ns > IVSH_HEARTBEAT_LIMIT_NS)
		peer->presence = IVSH_PEER_SILENT;
	else
		peer->presence = IVSH_PEER_ATTACHED;
	return 0;
}

int ivsh_region_counters(
    const struct ivsh_region *region, uint32_t slot, struct ivsh_counters *counters)
{
	const struct ivsh_wire_slot *s = slot_at(region, slot);

	if (!s)
		return IVSH_EINVAL;
	counters->sent = load64(&s->sent);
	counters->received = load64(&s->received);
	counters->full = load64(&s->full);
	counters->discarded = load64(&s->discarded);
	counters->bells_rung = load64(&s->bells_rung);
	counters->bells_saved = load64(&s->bells_saved);
	counters->wakes_bell = load64(&s->wakes_bell);
	counters->wakes_timer = load64(&s->wakes_timer);
	counters->errors = load64(&s->errors);
	counters->lost = load64(&s->lost);
	counters->rescued = load64(&s->rescued);
	return 0;
}
