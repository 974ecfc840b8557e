/* SPDX-License-Identifier: MIT */
/*
 * record.c - from a descriptor to packets in the buffer.
 */
#include "capture/record.h"

#include "capture/guard.h"
#include "capture/packet.h"
#include "core/descriptor.h"

#include <string.h>
#include <time.h>

#define HEADER ((uint32_t)sizeof(struct packet_header))
#define MARK_DATA ((uint32_t)sizeof(uint64_t))

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t mark_size(void)
{
	return pcapng_packet_size(HEADER + MARK_DATA);
}

static uint32_t snapped(const struct capture *c, uint32_t size)
{
	return size < c->snap ? size : c->snap;
}

size_t record_room(const struct ivsh_geometry *g, uint32_t snap)
{
	size_t frame = pcapng_packet_size(HEADER),
	       most = snap < g->large_size ? snap : g->large_size;
	size_t packed = most < g->small_size ? most * IVSH_WIRE_PACKED_MAX : g->small_size;

	/* A record's messages are all in the small area. */
	if (packed > g->small_size)
		packed = g->small_size;
	packed += frame * IVSH_WIRE_PACKED_MAX;
	most += frame;
	return mark_size() + (packed > most ? packed : most);
}

static struct packet_header header_of(const struct follow *f, uint8_t kind)
{
	return (struct packet_header){
	    .version = PACKET_VERSION,
	    .size = HEADER,
	    .kind = kind,
	    .from = (uint16_t)f->from,
	    .to = (uint16_t)f->to,
	    .generation = f->generation,
	};
}

static bool missed_any(const struct follow *f)
{
	return f->missed.messages != 0 || f->missed.at_least;
}

/* Write a mark of what (f) has missed at (to). Answers its bytes. */
static size_t mark_put(struct capture *c, struct follow *f, uint8_t *to, uint32_t next)
{
	struct packet_header header = header_of(f, PACKET_MARK);
	uint64_t messages = f->missed.messages;

	header.flags = f->missed.at_least ? PACKET_AT_LEAST : 0;
	header.place = (uint8_t)f->missed.reason;
	header.index = next;
	header.length = MARK_DATA;
	memcpy(to + PCAPNG_DATA, &header, HEADER);
	memcpy(to + PCAPNG_DATA + HEADER, &messages, MARK_DATA);
	c->missed += messages;
	c->at_least |= f->missed.at_least;
	f->missed = (struct missed){0};
	return pcapng_packet(to, now_ns(), HEADER + MARK_DATA, HEADER + MARK_DATA, &messages);
}

bool record_mark(struct capture *c, struct follow *f)
{
	uint8_t *to;

	if (!missed_any(f))
		return true;
	to = drain_room(&c->drain, mark_size());
	if (!to)
		return false;
	drain_add(&c->drain, mark_put(c, f, to, f->next));
	return true;
}

bool record_is_message(const uint8_t *block)
{
	struct packet_header header;
	uint32_t type;

	memcpy(&type, block, sizeof(type));
	if (type != PCAPNG_PACKET)
		return false;
	memcpy(&header, block + PCAPNG_DATA, HEADER);
	return header.kind != PACKET_MARK && (header.flags & PACKET_DAMAGED) == 0;
}

/* A descriptor that breaks a rule: a packet that names it. Answers its bytes. */
static size_t damage_put(const struct sight *s, struct packet_header header, uint8_t *to)
{
	uint32_t size = (uint32_t)strlen(s->broken);

	header.flags |= PACKET_DAMAGED;
	header.length = size;
	memcpy(to + PCAPNG_DATA, &header, HEADER);
	memcpy(to + PCAPNG_DATA + HEADER, s->broken, size);
	return pcapng_packet(to, now_ns(), HEADER + size, HEADER + size, NULL);
}

/* The first (count) messages of (s), as they stand in the memory. Answers their bytes. */
static size_t messages_put(const struct capture *c, const struct follow *f, const struct sight *s,
    struct packet_header header, uint32_t count, uint8_t *to)
{
	uint64_t time_ns = now_ns();
	uint32_t size, kept;
	size_t at = 0;

	header.places = (uint8_t)sight_messages(s, &size);
	header.length = size;
	kept = snapped(c, size);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *block = to + at;

		header.place = (uint8_t)i;
		memcpy(block + PCAPNG_DATA, &header, HEADER);
		if (kept)
			memcpy(block + PCAPNG_DATA + HEADER, follow_payload(f, s, i), kept);
		at += pcapng_packet(block, time_ns, HEADER + kept, HEADER + size, NULL);
	}
	return at;
}

/* Those packets of (size) bytes at (to) are not proven. */
static void unproven_mark(uint8_t *to, size_t size)
{
	uint32_t block;

	for (size_t at = 0; at < size; at += block) {
		memcpy(&block, to + at + sizeof(block), sizeof(block));
		to[at + PCAPNG_DATA + __builtin_offsetof(struct packet_header, flags)] |=
		    PACKET_UNPROVEN;
	}
}

static struct packet_header header_make(const struct follow *f, const struct sight *s)
{
	uint8_t kind = control_kind(s->control);
	struct packet_header header = header_of(f, kind);

	header.flags = s->control & IVSH_WIRE_CONTROL_START ? PACKET_START : 0;
	header.port = control_port(s->control);
	header.places = 1;
	header.index = s->index;
	header.position = kind == IVSH_WIRE_KIND_INLINE ? 0 : (uint32_t)s->body;
	return header;
}

/*
 * What was copied of (s) counts, or does not, as its proof says. (size): bytes of its packets, at
 * (to) behind (room) bytes for a mark; 0: it has none. Answers false if it was missed.
 */
static bool judge(struct capture *c, struct follow *f, const struct sight *s, uint32_t count,
    uint8_t *to, size_t room, size_t size)
{
	enum proof proof = follow_prove(f, s);
	bool whole = proof == PROOF_WHOLE && !s->released;

	if (!whole && (!c->unproven || proof == PROOF_GONE || s->broken))
		return false;
	if (!whole)
		unproven_mark(to + room, size);
	if (room)
		drain_add(&c->drain, mark_put(c, f, to, s->index));
	drain_add(&c->drain, size);
	if (s->broken) {
		c->damaged++;
	} else if (size == 0) {
		c->filtered += count;
	} else {
		c->written += count;
		c->unproved += whole ? 0 : count;
	}
	follow_advance(f, s, whole && !s->broken);
	guard_use(c->guard, f->from);
	guard_use(c->guard, f->to);
	return true;
}

/* Bytes that the packets of (count) messages of (s) need, at most. */
static size_t packets_most(const struct capture *c, const struct sight *s, uint32_t count)
{
	uint32_t size;

	(void)sight_messages(s, &size);
	return s->broken ? pcapng_packet_size(HEADER + PCAPNG_TEXT_MAX)
			 : count * pcapng_packet_size(HEADER + snapped(c, size));
}

bool record_take(struct capture *c, struct follow *f, const struct sight *s)
{
	uint32_t size, count = sight_messages(s, &size);
	struct packet_header header = header_make(f, s);
	bool wanted = !c->has_port || c->port == header.port;
	size_t bytes = 0, room = missed_any(f) ? mark_size() : 0;
	uint8_t *to;

	if (c->count && c->written >= c->count)
		return false;
	if (c->count && count > c->count - c->written && wanted)
		count = (uint32_t)(c->count - c->written);
	c->taken++;
	if (s->released && !c->unproven) {
		follow_miss(f, s);
		return true;
	}
	to = drain_room(&c->drain, room + packets_most(c, s, count));
	if (!to)
		return false;
	if (s->broken)
		bytes = damage_put(s, header, to + room);
	else if (wanted)
		bytes = messages_put(c, f, s, header, count, to + room);
	if (!judge(c, f, s, count, to, room, bytes))
		follow_miss(f, s);
	return true;
}
