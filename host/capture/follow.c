/* SPDX-License-Identifier: MIT */
/*
 * follow.c - one ring, as an observer without a slot follows it.
 */
#include "capture/follow.h"

#include "core/area.h"
#include "core/descriptor.h"
#include "core/ring.h"

#include <stddef.h>

bool follow_begin(struct follow *f, const struct ivsh_region *region, uint32_t from, uint32_t to)
{
	*f = (struct follow){.from = from, .to = to};
	f->ring = ivsh_ring_at(region, from, to, f->area);
	if (!f->ring)
		return false;
	f->desc = (const struct ivsh_wire_desc *)(f->ring + 1);
	f->mask = region->geometry.descs - 1;
	f->shift = ring_shift(region->geometry.descs);
	f->generation = load32_acquire(&f->ring->receiver.generation_ack);
	f->next = f->read = load32_acquire(&f->ring->receiver.read);
	f->tail = descriptor_load(&f->desc[f->next & f->mask]);
	return true;
}

bool follow_is_open(const struct follow *f)
{
	return load32(&f->ring->sender.incarnation) != 0 ||
	       load32(&f->ring->receiver.incarnation) != 0;
}

/* The rule that (sight) breaks. A payload follows the last one of its area, if that was seen. */
static const char *broken_rule(const struct follow *f, const struct sight *s)
{
	bool start = (s->control & IVSH_WIRE_CONTROL_START) != 0;
	uint8_t kind = control_kind(s->control);

	if (ivsh_ring_valid(f->area, &f->now, s->control, s->body, start))
		return NULL;
	if ((s->control & IVSH_WIRE_CONTROL_RESERVED) != 0 || kind == IVSH_WIRE_KIND_INLINE)
		return "R7.7.2";
	return ivsh_ring_valid(f->area, &f->now, s->control, s->body, true) ? "R7.7.4" : "R7.7.3";
}

/* Copy the descriptor at (index). False: no message is there; *control says what is. */
static bool sight_copy(const struct follow *f, uint32_t index, struct sight *s)
{
	const struct ivsh_wire_desc *desc = &f->desc[index & f->mask];

	/* The acquire pairs with the sender's release: body and payload are there. SPEC R7.3. */
	*s = (struct sight){.index = index, .control = descriptor_load(desc)};
	if (control_wrap(s->control) != ring_wrap(index, f->shift))
		return false;
	s->body = load64(&desc->body);
	s->broken = broken_rule(f, s);
	return true;
}

uint32_t sight_messages(const struct sight *s, uint32_t *size)
{
	if (control_kind(s->control) == IVSH_WIRE_KIND_PACKED) {
		*size = packed_size(s->control);
		return packed_count(s->control);
	}
	*size = control_size(s->control);
	return 1;
}

const uint8_t *follow_payload(const struct follow *f, const struct sight *s, uint32_t i)
{
	uint8_t kind = control_kind(s->control);
	const uint8_t *base;

	if (kind == IVSH_WIRE_KIND_INLINE)
		return (const uint8_t *)&s->body;
	base = area_at(&f->area[area_of(kind)], (uint32_t)s->body);
	return kind == IVSH_WIRE_KIND_PACKED ? base + i * packed_step(packed_size(s->control))
					     : base;
}

enum proof follow_prove(const struct follow *f, const struct sight *s)
{
	const struct ivsh_wire_desc *desc = &f->desc[s->index & f->mask];

	/* All loads of the copy come before the two that follow. */
	fence_acquire();
	if (descriptor_load(desc) != s->control)
		return PROOF_GONE;
	return s->index - load32_acquire(&f->ring->receiver.read) <= f->mask ? PROOF_WHOLE
									     : PROOF_RELEASED;
}

static void miss(struct follow *f, uint64_t messages, bool at_least, enum packet_reason reason)
{
	f->missed.messages += messages;
	f->missed.at_least |= at_least;
	f->missed.reason = reason;
	for (uint32_t i = 0; i < IVSH_AREAS; i++)
		f->area[i].known = false;
}

void follow_miss(struct follow *f, const struct sight *s)
{
	uint32_t size;

	/* Where another message is there now, this one may have been a packed record. */
	if (control_wrap(s->control) == ring_wrap(s->index, f->shift))
		miss(f, sight_messages(s, &size), false, PACKET_RELEASED);
	else
		miss(f, 1, true, PACKET_RELEASED);
}

void follow_advance(struct follow *f, const struct sight *s, bool whole)
{
	uint8_t kind = control_kind(s->control);
	uint32_t i = area_of(kind);

	if (!whole)
		f->area[IVSH_AREA_SMALL].known = f->area[IVSH_AREA_LARGE].known = false;

	if (kind == IVSH_WIRE_KIND_INLINE || !whole)
		return;
	f->now.end[i] = (uint32_t)s->body + area_room(control_bytes(s->control));
	f->area[i].known = true;
}

void follow_skip(struct follow *f, enum packet_reason reason)
{
	uint32_t read = load32_acquire(&f->ring->receiver.read), passed = read - f->next;

	miss(f, passed <= INT32_MAX ? passed : 0, true, reason);
	f->generation = load32_acquire(&f->ring->receiver.generation_ack);
	f->next = f->read = read;
	f->tail = descriptor_load(&f->desc[read & f->mask]);
}

/* Messages from (next) on that the receiver has released: those before (read). */
static bool released_take(struct follow *f, uint32_t read, follow_take *take, void *context)
{
	struct sight s;

	/* Of earlier turns of the ring nothing is left. */
	if (read - f->next > f->mask + 1) {
		uint32_t gone = read - f->next - (f->mask + 1);

		miss(f, gone, true, PACKET_RELEASED);
		f->next += gone;
	}
	for (; f->next != read; f->next++) {
		bool valid = sight_copy(f, f->next, &s);

		s.released = true;
		if (!valid)
			follow_miss(f, &s);
		else if (!take(context, f, &s))
			return false;
	}
	return true;
}

/* Messages from (next) on that are in flight. */
static bool flight_take(struct follow *f, follow_take *take, void *context)
{
	struct sight s;

	for (uint32_t n = 0; n <= f->mask; n++, f->next++) {
		if (!sight_copy(f, f->next, &s)) {
			f->tail = s.control;
			break;
		}
		/* The receiver goes on meanwhile. */
		s.released = s.index - load32(&f->ring->receiver.read) > f->mask;
		if (!take(context, f, &s))
			return false;
	}
	return true;
}

/* Valid descriptors from (next) on. *messages: how many messages they stand for. */
static uint32_t waiting(const struct follow *f, uint32_t *messages)
{
	return ivsh_ring_waiting(f->desc, f->mask + 1, f->next, messages);
}

/*
 * The receiver has followed into generation (ack). Of the last one nothing was missed if the
 * descriptor that would have come next was never written: it has the word that was seen there.
 */
static void generation_begin(struct follow *f, uint32_t ack)
{
	uint32_t left;
	bool whole = waiting(f, &left) == 0 && ack == f->generation + 1 &&
		     descriptor_load(&f->desc[f->next & f->mask]) == f->tail;
	uint32_t read = load32_acquire(&f->ring->receiver.read);
	uint32_t start = load32_acquire(&f->ring->sender.start);

	/* The start is of this generation, unless the sender has begun another since. */
	if (load32_acquire(&f->ring->sender.generation) != ack || read - start > INT32_MAX) {
		start = read;
		whole = false;
	}
	if (!whole)
		miss(f, left, true, PACKET_RESET);
	f->generation = ack;
	f->next = f->read = start;
	f->area[IVSH_AREA_SMALL].known = f->area[IVSH_AREA_LARGE].known = false;
}

bool follow_look(struct follow *f, follow_take *take, void *context)
{
	uint32_t read = load32_acquire(&f->ring->receiver.read), ack, left;

	/* Behind the read index: an index of a new generation comes with that generation, which the
	 * sender has stored before. SPEC R6.3.2. */
	if (load32_acquire(&f->ring->sender.generation) != f->generation) {
		ack = load32_acquire(&f->ring->receiver.generation_ack);
		if (ack != f->generation) {
			generation_begin(f, ack);
			/* Behind (generation_ack): an index of the new generation. */
			read = load32_acquire(&f->ring->receiver.read);
		} else if (read - f->next <= INT32_MAX && read - f->next > waiting(f, &left)) {
			/* The receiver is about to follow: the index may be the new start. */
			return true;
		}
	}
	/* It went back: somebody restored the memory, or wrote there. */
	if (read - f->read > INT32_MAX ||
	    (f->next - read > f->mask + 1 && f->next - read <= INT32_MAX)) {
		follow_skip(f, PACKET_BACK);
		read = f->read;
	}
	f->read = read;
	if (read - f->next <= INT32_MAX && !released_take(f, read, take, context))
		return false;
	return flight_take(f, take, context);
}
