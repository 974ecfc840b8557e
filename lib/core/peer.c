/* SPDX-License-Identifier: MIT */
/*
 * peer.c - looking at the other slots.
 */
#include "core/slot.h"

/* How often what is just being written is read again before it is given up. */
#define READ_TRIES 4

void ivsh_slot_clean(char *text, uint32_t size)
{
	text[size - 1] = '\0';
	for (unsigned i = 0; text[i]; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			text[i] = '?';
}

bool ivsh_slot_read(const struct ivsh_wire_slot *slot, const uint8_t *from, char *to, uint32_t size)
{
	for (unsigned try = 0; try < READ_TRIES; try++) {
		uint32_t generation = load32_acquire(&slot->sequence);

		for (uint32_t i = 0; i < size; i += 8) {
			uint64_t word = load64((const uint64_t *)(const void *)(from + i));

			__builtin_memcpy(to + i, &word, sizeof(word));
		}
		/* Orders the words before the second look. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(generation & 1) && load32(&slot->sequence) == generation)
			return true;
	}
	return false;
}

/*
 * What the server says of the slot, and the word that it says it with. Its words count while its
 * beat moves: a server that was killed must not vouch for the living for ever. SPEC R4.3.
 */
static enum ivsh_connection connection_read(
    struct ivsh_region *region, uint32_t slot, uint64_t now, uint32_t *word)
{
	const struct ivsh_wire_server *server = server_page(region);
	uint32_t epoch, beat;

	if (!server)
		return IVSH_CONNECTION_UNKNOWN;
	epoch = load32_acquire(&server->epoch);
	beat = load32(&server->heartbeat);
	if (epoch != region->server_epoch || beat != region->server_heartbeat ||
	    region->server_seen_ns == 0) {
		region->server_epoch = epoch;
		region->server_heartbeat = beat;
		region->server_seen_ns = now;
	}
	if (epoch == 0 || now - region->server_seen_ns > IVSH_SERVER_LIMIT_NS)
		return IVSH_CONNECTION_UNKNOWN;
	*word = load32_acquire(&server->connection[slot]);
	if (*word == 0)
		return IVSH_CONNECTION_UNKNOWN;
	return *word & 1 ? IVSH_CONNECTION_UP : IVSH_CONNECTION_DOWN;
}

/*
 * Whether the server saw the life in slot (s) go: its socket is down, or another one than it came
 * with. So a machine that boots again is not taken for the one that was killed. SPEC R5.9.
 */
static bool life_ended(const struct ivsh_region *region, const struct ivsh_wire_slot *s,
    enum ivsh_connection connection, uint32_t word)
{
	if (connection != IVSH_CONNECTION_UP)
		return connection == IVSH_CONNECTION_DOWN;
	return load32(&s->server_epoch) == region->server_epoch && load32(&s->connection) != word;
}

int ivsh_region_peer(struct ivsh_region *region, uint32_t slot, struct ivsh_peer *peer)
{
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);
	uint64_t now = ivsh_region_now(region) | 1; /* a time of 0 means never seen */
	uint32_t state, heartbeat, word = 0;

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
	peer->incarnation = load32_acquire(&s->incarnation);
	peer->vectors = load32(&s->vectors);
	peer->connection = connection_read(region, slot, now, &word);
	if (!ivsh_slot_read(s, s->name, peer->name, sizeof(peer->name)))
		peer->name[0] = '\0';
	ivsh_slot_clean(peer->name, sizeof(peer->name));

	if (state != IVSH_WIRE_STATE_ATTACHED)
		peer->presence = IVSH_PEER_ABSENT;
	else if (life_ended(region, s, peer->connection, word))
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
	const struct ivsh_wire_slot *s = ivsh_slot_at(region, slot);

	if (!s)
		return IVSH_EINVAL;
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
