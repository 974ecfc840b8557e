/* SPDX-License-Identifier: MIT */
/*
 * follow.c - one ring, as an observer without a slot follows it.
 */
#include "capture/follow.h"

#include "core/area.h"
#include "core/descriptor.h"
#include "core/ring.h"

#include <stddef.h>

/* No message is at (next) yet: (control) is what is there. */
static void tail_set(struct follow *f, uint64_t control)
{
	f->tail = control;
	f->tail_index = f->next;
}

bool follow_begin(struct follow *f, const struct ivsh_region *region, uint32_t from, uint32_t to)
{
	struct ring ring;

	*f = (struct follow){.from = from, .to = to};
	if (!ivsh_ring_at(region, from, to, &ring, f->area))
		return false;
	f->sender = ring.sender;
	f->receiver = ring.receiver;
	f->desc = ring.desc;
	f->mask = region->geometry.descs - 1;
	f->shift = ring_shift(region->geometry.descs);
	f->generation = load32_acquire(&f->receiver->generation_ack);
	f->next = f->read = load32_acquire(&f->receiver->read);
	tail_set(f, descriptor_load(&f->desc[f->next & f->mask]));
	return true;
}

bool follow_is_open(const struct follow *f)
{
	return load32(&f->sender->incarnation) != 0 || load32(&f->receiver->incarnation) != 0;
}

void follow_round(struct follow *f)
{
	f->steps.generation = load32_acquire(&f->sender->generation);
	f->steps.reset_ack = load32_acquire(&f->sender->reset_ack);
	f->steps.reset_request = load32_acquire(&f->receiver->reset_request);
	f->is_used = false;
}

/* Whether no reset is under way. Behind an acquire of what is to belong to this generation. */
static bool is_in_step(const struct follow *f)
{
	uint32_t request = load32_acquire(&f->receiver->reset_request);

	return load32_acquire(&f->sender->reset_ack) == request &&
	       load32_acquire(&f->sender->generation) == f->generation;
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
	return s->index - load32_acquire(&f->receiver->read) <= f->mask ? PROOF_WHOLE
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

bool follow_is_same(struct follow *f)
{
	if (!f->is_used || (load32(&f->sender->generation) == f->steps.generation &&
			       load32(&f->sender->reset_ack) == f->steps.reset_ack &&
			       load32(&f->receiver->reset_request) == f->steps.reset_request))
		return true;
	miss(f, 0, true, PACKET_RESET);
	return false;
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

	f->is_used = true;
	if (!whole)
		f->area[IVSH_AREA_SMALL].known = f->area[IVSH_AREA_LARGE].known = false;

	if (kind == IVSH_WIRE_KIND_INLINE || !whole)
		return;
	f->now.end[i] = (uint32_t)s->body + area_room(control_bytes(s->control));
	f->area[i].known = true;
}

/* Valid descriptors from (next) on, (most) at most. *messages: how many messages they stand for. */
static uint32_t waiting(const struct follow *f, uint32_t most, uint32_t *messages)
{
	uint32_t n = 0, size;
	struct sight s;

	*messages = 0;
	for (; n <= f->mask && n < most && sight_copy(f, f->next + n, &s); n++)
		*messages += sight_messages(&s, &size);
	return n;
}

void follow_skip(struct follow *f, enum packet_reason reason)
{
	uint32_t read = load32_acquire(&f->receiver->read);
	uint32_t generation = load32_acquire(&f->receiver->generation_ack);
	uint32_t passed = read - f->next, left = 0;

	/* Only indices of one generation, in a memory that goes on, count messages. */
	if (reason != PACKET_LATE || generation != f->generation || passed > INT32_MAX)
		passed = 0;
	f->generation = generation;
	f->next = f->read = read;
	/* A sender that had not noticed that the memory went back may have stored into the messages
	 * that are in flight again. */
	if (reason == PACKET_BACK)
		f->next += waiting(f, UINT32_MAX, &left);
	miss(f, passed + (uint64_t)left, true, reason);
	tail_set(f, descriptor_load(&f->desc[f->next & f->mask]));
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

/* Messages from (next) on that are in flight, (most) at most. */
static bool flight_take(struct follow *f, uint32_t most, follow_take *take, void *context)
{
	struct sight s;

	for (uint32_t n = 0; n <= f->mask && n < most; n++, f->next++) {
		if (!sight_copy(f, f->next, &s)) {
			/* A sender that was moved stores other words there before a reset. SPEC
			 * R5.11. */
			if (is_in_step(f))
				tail_set(f, s.control);
			break;
		}
		/* The receiver goes on meanwhile. */
		s.released = s.index - load32(&f->receiver->read) > f->mask;
		if (!take(context, f, &s))
			return false;
	}
	return true;
}

/*
 * The receiver has followed into generation (ack). Of the last one nothing was missed if the
 * descriptor that would have come next was never written: it has the word that was seen there.
 */
static void generation_begin(struct follow *f, uint32_t ack)
{
	bool whole =
	    ack == f->generation + 1 && descriptor_load(&f->desc[f->next & f->mask]) == f->tail;
	uint32_t read = load32_acquire(&f->receiver->read);
	uint32_t start = load32_acquire(&f->sender->start), left;

	/* The start is of this generation, unless the sender has begun another since. */
	if (load32_acquire(&f->sender->generation) != ack || read - start > INT32_MAX) {
		start = read;
		whole = false;
	}
	/* Seen already, behind a stop of this observer: no message of the last generation has such
	 * an index. SPEC R6.3.1. */
	if (f->next - start <= f->mask + 1)
		start = f->next;
	/* The new generation may begin where the last one ended. */
	if (waiting(f, start - f->next, &left) != 0 || !whole)
		miss(f, left, true, PACKET_RESET);
	f->generation = ack;
	f->next = f->read = start;
	f->area[IVSH_AREA_SMALL].known = f->area[IVSH_AREA_LARGE].known = false;
}

void follow_end(struct follow *f)
{
	if (load32_acquire(&f->sender->generation) != f->generation &&
	    (f->tail_index != f->next || descriptor_load(&f->desc[f->next & f->mask]) != f->tail))
		miss(f, 0, true, PACKET_RESET);
}

bool follow_look(struct follow *f, follow_take *take, void *context)
{
	uint32_t read = load32_acquire(&f->receiver->read), ack, left, most = UINT32_MAX;

	/* Behind the read index: an index of a new generation comes with that generation, which the
	 * sender has stored before. SPEC R6.3.2. */
	if (load32_acquire(&f->sender->generation) != f->generation) {
		ack = load32_acquire(&f->receiver->generation_ack);
		if (ack != f->generation) {
			/* The next look finds out whether its index is of this generation. */
			generation_begin(f, ack);
			return true;
		}
		if (read - f->next <= INT32_MAX && read - f->next > waiting(f, UINT32_MAX, &left)) {
			/* The receiver is about to follow: the index may be the new start. */
			return true;
		}
		/* From (start) on the messages are of the new generation. */
		most = load32_acquire(&f->sender->start) - f->next;
	}
	/* It went back: somebody restored the memory, or wrote there. */
	if (read - f->read > INT32_MAX ||
	    (f->next - read > f->mask + 1 && f->next - read <= INT32_MAX)) {
		follow_skip(f, PACKET_BACK);
		read = f->read;
	}
	f->read = read;
	if (read - f->next <= INT32_MAX) {
		/* The index of a new generation's beginning is the end of the last one. */
		most -= most == UINT32_MAX ? 0 : read - f->next;
		if (!released_take(f, read, take, context))
			return false;
	}
	return flight_take(f, most, take, context);
}
