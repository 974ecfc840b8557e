/* SPDX-License-Identifier: MIT */
/*
 * sample.c - looking at a region again and again.
 */
#include "top/sample.h"

#include "observe/rings.h"

#include <stdlib.h>
#include <string.h>

void sample_begin(struct sample *s, const struct ivsh_mem *mem)
{
	memset(s, 0, sizeof(*s));
	s->mem = mem;
}

void sample_end(struct sample *s)
{
	if (s->is_open)
		observe_close(&s->observer);
	free(s->ring);
	s->ring = NULL;
	s->is_open = false;
}

static uint32_t ring_count(const struct sample *s)
{
	return s->observer.geometry.slots * (s->observer.geometry.slots - 1);
}

static void ring_sides(const struct sample *s, uint32_t number, uint32_t *from, uint32_t *to)
{
	*from = number / (s->observer.geometry.slots - 1);
	*to = number % (s->observer.geometry.slots - 1);
	*to += *to >= *from;
}

struct sample_ring *sample_ring(const struct sample *s, uint32_t from, uint32_t to)
{
	return &s->ring[from * (s->observer.geometry.slots - 1) + to - (to > from)];
}

/*
 * (broken) words of a part whose words have (digest): those that count by now are in
 * suspect->broken.
 */
static void suspect_update(
    struct sample_suspect *suspect, uint64_t digest, uint32_t broken, uint64_t now_ns)
{
	if (broken == 0 || suspect->since_ns == 0 || digest != suspect->digest) {
		suspect->since_ns = broken ? now_ns : 0;
		suspect->digest = digest;
		suspect->broken = 0;
	} else if (now_ns - suspect->since_ns >= SAMPLE_BROKEN_NS) {
		suspect->broken = broken;
	}
}

/* --- The region ------------------------------------------------------------------------------ */

/* The header (h) says where things are: begin with a region that nobody has looked at. */
static int region_open(struct sample *s, const struct observed_header *h)
{
	int error = ivsh_region_probe(&s->region, s->mem, &s->attach);

	s->error = error;
	if (error)
		return 0;
	error = observe_open(&s->observer, s->mem, &s->region.geometry, s->mem->split != NULL);
	s->ring = error ? NULL : calloc(ring_count(s), sizeof(*s->ring));
	if (!s->ring) {
		observe_close(&s->observer);
		return IVSH_EPLATFORM;
	}
	memset(s->peer, 0, sizeof(s->peer));
	s->server_suspect = (struct sample_suspect){0};
	s->server = SERVER_UNKNOWN;
	s->server_ns = 0;
	s->server_moves = false;
	s->turn = s->check = 0;
	s->format_id = s->observer.format_id = h->copy.format_id;
	s->is_open = true;
	return 0;
}

/* Follow what the header says: a region appears, goes, or is formatted again. */
static int region_follow(struct sample *s)
{
	struct observe_findings findings = {0};
	struct observed_header header;
	bool is_sound;

	if (s->mem->size < IVSH_WIRE_PAGE) {
		s->error = IVSH_ENOSPC;
		return 0;
	}
	observe_header(s->mem->base, s->mem->size, &header, &findings);
	is_sound = header.known == OBSERVED_SOUND;
	s->is_unformatted = header.is_unformatted;
	suspect_update(&s->header_suspect, header.digest, findings.broken, s->at_ns);
	if (s->is_open &&
	    (s->is_unformatted || (is_sound && header.copy.format_id != s->format_id))) {
		s->formatted++;
		s->broken = 0;
		sample_end(s);
	}
	return s->is_open ? 0 : region_open(s, &header);
}

/* --- The server and the slots ---------------------------------------------------------------- */

static void server_look(struct sample *s)
{
	struct observe_findings findings = {0};
	struct observed_server server;
	bool is_first = s->server == SERVER_UNKNOWN && s->server_ns == 0;

	observe_server(s->mem->base, s->observer.geometry.slots, &server, &findings);
	suspect_update(&s->server_suspect, server.digest, findings.broken, s->at_ns);
	if (server.copy.epoch == 0) {
		s->server = SERVER_NONE;
		s->server_ns = 0;
	} else if (is_first || server.copy.heartbeat != s->server_heartbeat ||
		   server.copy.epoch != s->server_epoch) {
		s->server = is_first ? SERVER_UNKNOWN : SERVER_RUNS;
		s->server_ns = s->at_ns;
	} else if (s->at_ns - s->server_ns > IVSH_SERVER_LIMIT_NS) {
		s->server = SERVER_STILL;
	}
	s->server_heartbeat = server.copy.heartbeat;
	s->server_epoch = server.copy.epoch;
}

/*
 * The headers of parts. One that was not used may be by now: then the region is probed again, which
 * finds it.
 */
static void parts_look(struct sample *s)
{
	bool is_late = false;

	s->parts_out = 0;
	for (uint32_t i = 0; i < s->observer.geometry.slots && s->observer.is_split; i++) {
		struct sample_peer *p = &s->peer[i];
		struct observe_findings findings = {0};
		struct observed_part part;

		observe_part(&s->observer, i, &part, &findings);
		suspect_update(&p->part_suspect, part.digest, findings.broken, s->at_ns);
		is_late |= part.state == OBSERVED_PART_SOUND && p->part != OBSERVED_PART_SOUND;
		p->part = part.state;
		s->parts_out += part.state != OBSERVED_PART_SOUND;
	}
	/* It is as it was looked at just now; and if it is not, the next look finds out. */
	if (is_late)
		(void)(ivsh_region_probe(&s->region, s->mem, &s->attach) != 0);
}

/* SPEC R4.3, R5.4. Only what was seen to move is believed to live. */
static enum look_presence presence_of(
    const struct sample *s, const struct ivsh_peer *peer, bool moves)
{
	switch (peer->presence) {
	case IVSH_PEER_ABSENT:
		return LOOK_ABSENT;
	case IVSH_PEER_SILENT:
		return LOOK_SILENT;
	case IVSH_PEER_GONE:
		return s->server == SERVER_RUNS ? LOOK_GONE : LOOK_UNKNOWN;
	case IVSH_PEER_BROKEN: /* SPEC R5.3.4: whatever moves there, nobody can say what it is */
		return LOOK_UNKNOWN;
	default:
		return moves ? LOOK_ATTACHED : LOOK_UNKNOWN;
	}
}

static void counters_copy(const struct ivsh_wire_slot *slot, struct ivsh_counters *counters)
{
	_Static_assert(sizeof(*counters) == 11 * sizeof(slot->sent), "counters");
	memcpy(counters, &slot->sent, sizeof(*counters));
}

/* The memory goes back under a living incarnation: SPEC R5.12. */
static bool is_back(const struct look_peer *before, const struct look_peer *now)
{
	return before->at_ns && before->is_whole && now->is_whole && before->is_used &&
	       ((before->incarnation == now->incarnation &&
		    now->heartbeat - before->heartbeat > INT32_MAX) ||
		   now->incarnation - before->incarnation > INT32_MAX);
}

static void slot_look(struct sample *s, uint32_t number)
{
	struct sample_peer *p = &s->peer[number];
	struct look_peer *now = &p->now;
	struct observe_findings findings = {0};
	struct observed_slot slot;

	p->before = p->now;
	memset(now, 0, sizeof(*now));
	if (ivsh_region_peer(&s->region, number, &p->peer))
		return;
	(void)observe_slot(&s->observer, number, &slot, &findings);
	suspect_update(&p->suspect, slot.digest, findings.broken, s->at_ns);
	now->at_ns = s->at_ns;
	now->incarnation = slot.copy.incarnation;
	now->heartbeat = slot.copy.heartbeat;
	now->vectors = slot.copy.vectors;
	counters_copy(&slot.copy, &now->counters);
	/* The peer is read before and after the slot: is it one incarnation? */
	now->is_whole = p->peer.incarnation == slot.copy.incarnation;
	if (ivsh_region_peer(&s->region, number, &p->peer))
		return;
	now->is_whole &= p->peer.incarnation == slot.copy.incarnation;
	now->is_used = slot.copy.state != IVSH_WIRE_STATE_EMPTY || slot.copy.incarnation != 0 ||
		       p->peer.connection == IVSH_CONNECTION_UP;
	if (!p->before.at_ns || p->before.incarnation != now->incarnation) {
		p->heartbeat = now->heartbeat;
		p->moves = p->before.at_ns != 0;
	}
	p->moves |= p->heartbeat != now->heartbeat;
	now->presence = presence_of(s, &p->peer, p->moves);
	now->silent_ns = p->peer.silent_ns;
	now->is_named = slot.is_text_known;
	memcpy(now->name, p->peer.name, sizeof(now->name));
}

static void slots_look(struct sample *s)
{
	bool back = false;

	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		slot_look(s, i);
		back |= is_back(&s->peer[i].before, &s->peer[i].now);
	}
	s->back += back;
}

/* --- Rings ----------------------------------------------------------------------------------- */

/* How many of the messages that were released since the last look to load: all, if they are few. */
static uint32_t released_since(const struct look_ring *before, const struct look_ring *now)
{
	uint32_t count = now->read - before->read;

	if (!before->at_ns || count > SAMPLE_RELEASED)
		return SAMPLE_RELEASED;
	return count;
}

/* Answers how many descriptors it loaded. */
static uint32_t ring_look(struct sample *s, uint32_t number, uint32_t most)
{
	struct sample_ring *r = &s->ring[number];
	struct observed_ring ring;
	uint32_t from, to, loaded;

	ring_sides(s, number, &from, &to);
	loaded = observe_backlog(&s->observer, from, to, most, &ring);
	r->before = r->now;
	r->now = (struct look_ring){
	    .at_ns = s->at_ns,
	    .state = ring.state,
	    .sender = ring.sender.incarnation,
	    .receiver = ring.receiver.incarnation,
	    .generation = ring.sender.generation,
	    .read = ring.read,
	    .fill = ring.end - ring.read,
	    .is_taken_known = ring.is_known,
	    .taken = {ring.taken[0], ring.taken[1]},
	};
	if (ring.state == OBSERVED_IN_STEP)
		r->now.released = observe_released(&s->observer, &ring,
		    released_since(&r->before, &r->now), &r->now.messages, &r->now.bytes);
	return loaded + r->now.released;
}

/* Nobody was ever in one of its slots: it has no words yet. */
static bool is_ring_used(const struct sample *s, uint32_t number)
{
	uint32_t from, to;

	ring_sides(s, number, &from, &to);
	return s->peer[from].now.incarnation != 0 && s->peer[to].now.incarnation != 0;
}

static void rings_look(struct sample *s)
{
	uint32_t count = ring_count(s), rings = 0, descs = 0, number = s->turn, i;

	for (i = 0; i < count && rings < SAMPLE_RINGS && descs < SAMPLE_DESCS; i++) {
		if (is_ring_used(s, number)) {
			descs += ring_look(s, number, SAMPLE_DESCS - descs);
			rings++;
		}
		number = number + 1 < count ? number + 1 : 0;
	}
	if (i < count)
		s->turn = number;
}

/* Check one ring; one with broken words again, until it is known whether they count. */
static void ring_check(struct sample *s)
{
	struct observe_findings findings = {0};
	struct sample_suspect *suspect;
	struct observed_ring ring;
	uint32_t count = ring_count(s), from, to;
	bool is_new;

	for (uint32_t i = 0; i < count && !is_ring_used(s, s->check); i++)
		s->check = s->check + 1 < count ? s->check + 1 : 0;
	if (!is_ring_used(s, s->check))
		return;
	ring_sides(s, s->check, &from, &to);
	observe_ring(&s->observer, from, to, &ring, &findings);
	suspect = &s->ring[s->check].suspect;
	is_new = suspect->since_ns == 0;
	suspect_update(suspect, ring.digest, findings.broken, s->at_ns);
	if (findings.broken && suspect->broken == 0 && (is_new || suspect->since_ns != s->at_ns))
		return;
	s->check = s->check + 1 < count ? s->check + 1 : 0;
}

static void broken_count(struct sample *s)
{
	s->broken = s->header_suspect.broken;
	if (!s->is_open)
		return;
	s->broken += s->server_suspect.broken;
	for (uint32_t i = 0; i < s->observer.geometry.slots; i++)
		s->broken += s->peer[i].suspect.broken + s->peer[i].part_suspect.broken;
	for (uint32_t i = 0; i < ring_count(s); i++)
		s->broken += s->ring[i].suspect.broken;
}

int sample_look(struct sample *s)
{
	int error;

	s->at_ns = s->mem->doorbell.now_ns(s->mem->doorbell.ctx) | 1; /* 0: there was no look */
	s->looks++;
	error = region_follow(s);
	if (error == 0 && s->is_open) {
		server_look(s);
		parts_look(s);
		slots_look(s);
		rings_look(s);
		ring_check(s);
	}
	broken_count(s);
	return error;
}
