/* SPDX-License-Identifier: MIT */
/*
 * rings.c - looking at a ring from outside.
 *
 * Theory of operation: the receiver's read index says where the messages in flight begin, and the
 * wrap counters where they end. A sender stores into a descriptor only when the read index has
 * passed the one that was there. So the words of both sides are loaded once more behind the
 * descriptors: what the read index has not passed by then was copied whole. A ring is checked only
 * if all its words are the same again; else it is looked at anew, a few times.
 */
#include "observe/rings.h"

#include "observe/ring.h"

#include <string.h>

#define TRIES 4u

static const struct ivsh_wire_desc *descs_at(const struct observed_ring *ring)
{
	return (const struct ivsh_wire_desc *)((const struct ivsh_wire_ring *)ring->half[0].at + 1);
}

static void lines_copy(struct observed_ring *ring)
{
	const struct ivsh_wire_ring *sender = ring->half[0].at, *receiver = ring->half[1].at;

	observe_copy(&ring->sender, &sender->sender, sizeof(ring->sender));
	observe_copy(&ring->receiver, &receiver->receiver, sizeof(ring->receiver));
}

static void desc_copy(
    const struct observer *observer, const struct observed_ring *ring, uint32_t index)
{
	uint32_t i = index % observer->geometry.descs;
	const struct ivsh_wire_desc *desc = descs_at(ring) + i;

	observer->desc[i].control = observe_load64(&desc->control);
	observer->desc[i].body = observe_load64(&desc->body);
}

static void table_copy(const struct observer *observer, const struct observed_ring *ring)
{
	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		desc_copy(observer, ring, i);
}

static bool table_is_same(const struct observer *observer, const struct observed_ring *ring)
{
	const struct ivsh_wire_desc *desc = descs_at(ring);

	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		if (observe_load64(&desc[i].control) != observer->desc[i].control)
			return false;
	return true;
}

/* The words that a reset changes. */
static bool generation_is_same(const struct observed_ring *a, const struct observed_ring *b)
{
	return a->sender.incarnation == b->sender.incarnation &&
	       a->sender.generation == b->sender.generation &&
	       a->sender.reset_ack == b->sender.reset_ack && a->sender.start == b->sender.start &&
	       a->receiver.incarnation == b->receiver.incarnation &&
	       a->receiver.reset_request == b->receiver.reset_request &&
	       a->receiver.generation_ack == b->receiver.generation_ack;
}

static void end_find(const struct observer *observer, struct observed_ring *ring)
{
	ring->end = ring->read;
	while (ring->end - ring->read < observer->geometry.descs &&
	       wrap_at(observer, ring->end) == wrap_of(observer, ring->end))
		ring->end++;
}

/* One look. True if all words stood still. */
static bool look(const struct observer *observer, struct observed_ring *ring)
{
	struct observed_ring again = *ring;
	bool is_same;

	lines_copy(ring);
	table_copy(observer, ring);
	lines_copy(&again);
	ring->read = ring->receiver.read;
	end_find(observer, ring);
	is_same = generation_is_same(ring, &again);
	ring->is_known = is_same && again.receiver.read - ring->read <= ring->end - ring->read;
	is_same &= again.receiver.read == ring->read &&
		   again.sender.notify_flags == ring->sender.notify_flags &&
		   again.receiver.notify_flags == ring->receiver.notify_flags;
	/* What the receiver has released meanwhile may be another message already. */
	if (ring->is_known)
		ring->read = again.receiver.read;
	return is_same && table_is_same(observer, ring);
}

static bool is_in_step(const struct observed_ring *ring)
{
	return ring->sender.generation == ring->receiver.generation_ack &&
	       ring->sender.reset_ack == ring->receiver.reset_request;
}

static void word_add(const struct observed_place *half, struct observe_findings *findings,
    enum observe_grade grade, const char *rule, const char *word, uint32_t at, uint32_t value,
    const char *why)
{
	observe_add(findings, &(struct observe_finding){grade, rule, word, why, half->offset + at,
				  value, sizeof(value), half->memory});
}

#define SENDER(grade, rule, field, why)                                                       \
	word_add(&ring->half[0], findings, grade, rule, "sender." #field, SENDER_WORD(field), \
	    s->field, why)
#define RECEIVER(grade, rule, field, why)                                                         \
	word_add(&ring->half[1], findings, grade, rule, "receiver." #field, RECEIVER_WORD(field), \
	    r->field, why)

/* How many words of a sender are not as they were formatted. */
static uint32_t sender_words(const struct observer *observer, const struct observed_ring *ring)
{
	const struct ivsh_wire_sender *s = &ring->sender;
	uint32_t count = s->generation != 0;

	count += s->reset_ack != 0;
	count += s->start != 0;
	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		count += observer->desc[i].control != 0;
	return count;
}

/* A sender that never opened the ring has written none of its words: they are as formatted. */
static void no_sender_check(const struct observer *observer, const struct observed_ring *ring,
    struct observe_findings *findings)
{
	static const char why[] = "no sender has opened the ring, and the word is not 0";
	const struct ivsh_wire_sender *s = &ring->sender;

	if (sender_words(observer, ring) > 1) {
		SENDER(OBSERVE_BROKEN, "R3.1.1", incarnation,
		    "no sender has opened the ring, and yet its words are not 0");
		return;
	}
	if (s->generation)
		SENDER(OBSERVE_BROKEN, "R3.1.1", generation, why);
	if (s->reset_ack)
		SENDER(OBSERVE_BROKEN, "R3.1.1", reset_ack, why);
	if (s->start)
		SENDER(OBSERVE_BROKEN, "R3.1.1", start, why);
	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		if (observer->desc[i].control)
			observe_add(
			    findings, &(struct observe_finding){OBSERVE_BROKEN, "R3.1.1",
					  "desc.control", why, desc_offset(observer, ring, i),
					  observer->desc[i].control, 8, ring->half[0].memory});
}

static void unopened_check(const struct observer *observer, const struct observed_ring *ring,
    struct observe_findings *findings)
{
	static const char why[] = "no receiver has opened the ring, and the word is not 0";
	const struct ivsh_wire_receiver *r = &ring->receiver;

	if (ring->sender.incarnation == 0) {
		no_sender_check(observer, ring, findings);
		if (r->read && sender_words(observer, ring) == 0)
			RECEIVER(OBSERVE_BROKEN, "R7.5.4", read,
			    "no sender has opened the ring: nothing was read");
	}
	/* The read index is another matter: an attach that discards the backlog moves it before
	 * the ring is opened. SPEC R5.8.2. */
	if (r->incarnation == 0 && r->reset_request)
		RECEIVER(OBSERVE_BROKEN, "R3.1.1", reset_request, why);
	if (r->incarnation == 0 && r->generation_ack)
		RECEIVER(OBSERVE_BROKEN, "R3.1.1", generation_ack, why);
}

static void reset_check(const struct observed_ring *ring, struct observe_findings *findings)
{
	const struct ivsh_wire_sender *s = &ring->sender;
	const struct ivsh_wire_receiver *r = &ring->receiver;

	if (s->reset_ack != r->reset_request)
		SENDER(OBSERVE_UNSURE, "R6.4.3", reset_ack,
		    "not the receiver's reset_request: a reset is requested and not answered");
	if (s->generation != r->generation_ack)
		SENDER(OBSERVE_UNSURE, "R6.3.6", generation,
		    "not the receiver's generation_ack: it has not followed this generation");
}

/* The slot's incarnation and vectors, and whether (incarnation) is later than the slot's. */
static bool is_ahead(const struct observer *observer, uint32_t slot, uint32_t incarnation,
    uint64_t *digest, uint32_t *vectors)
{
	const struct ivsh_wire_slot *s = observe_place(observer, OBSERVE_SLOT, slot, 0).at;
	uint32_t now, most;

	*vectors = UINT32_MAX;
	if (!s)
		return false;
	now = observe_load32(&s->incarnation);
	most = observe_load32(&s->vectors);

	*digest = observe_digest(observe_digest(*digest, now), most);
	/* Requests of an earlier incarnation stay, and it may have had more vectors. */
	if (now == incarnation)
		*vectors = most;
	return incarnation != 0 && now - incarnation > INT32_MAX;
}

static void sides_check(
    const struct observer *observer, struct observed_ring *ring, struct observe_findings *findings)
{
	static const char ahead[] = "later than the slot's: the ring was opened by an incarnation "
				    "that the slot never had, or the memory went back";
	static const char request[] = "requests a vector that the peer of this side has not";
	const struct ivsh_wire_sender *s = &ring->sender;
	const struct ivsh_wire_receiver *r = &ring->receiver;
	uint32_t vectors;

	if (s->notify_flags & ~IVSH_WIRE_NOTIFY_REQUEST)
		SENDER(OBSERVE_BROKEN, "R6.6.5", notify_flags,
		    "a sender sets bit 0, and no other; its peer stores them again");
	if (r->notify_flags & ~(IVSH_WIRE_NOTIFY_REQUEST | IVSH_WIRE_NOTIFY_PENDING |
				  IVSH_WIRE_NOTIFY_RESET | IVSH_WIRE_NOTIFY_ONE_WAY))
		RECEIVER(OBSERVE_BROKEN, "R6.6.5", notify_flags,
		    "a receiver sets bits 0 to 3, and no other; its peer stores them again");
	if (is_ahead(observer, ring->from, s->incarnation, &ring->digest, &vectors))
		SENDER(OBSERVE_UNSURE, "R5.3.2", incarnation, ahead);
	if ((s->notify_request & IVSH_WIRE_REQUEST_VECTOR) > vectors)
		SENDER(OBSERVE_UNSURE, "R8.4.4", notify_request, request);
	if (is_ahead(observer, ring->to, r->incarnation, &ring->digest, &vectors))
		RECEIVER(OBSERVE_UNSURE, "R5.3.2", incarnation, ahead);
	if ((r->notify_request & IVSH_WIRE_REQUEST_VECTOR) > vectors)
		RECEIVER(OBSERVE_UNSURE, "R8.4.4", notify_request, request);
}

static void check(
    const struct observer *observer, struct observed_ring *ring, struct observe_findings *findings)
{
	const struct ivsh_wire_sender *s = &ring->sender;

	unopened_check(observer, ring, findings);
	sides_check(observer, ring, findings);
	if (s->start % observer->geometry.descs)
		SENDER(OBSERVE_BROKEN, "R6.3.1", start, "not a multiple of descs");
	if (ring->state == OBSERVED_RESET)
		reset_check(ring, findings);
	else if (ring->state == OBSERVED_IN_STEP && s->incarnation != 0)
		observe_table(observer, ring, findings);
}

static void digest_make(const struct observer *observer, struct observed_ring *ring)
{
	uint64_t digest = 1;
	const struct ivsh_wire_sender *s = &ring->sender;
	const struct ivsh_wire_receiver *r = &ring->receiver;
	const uint32_t words[] = {s->incarnation, s->generation, s->reset_ack, s->start,
	    s->notify_request, s->notify_flags, r->incarnation, r->reset_request, r->generation_ack,
	    r->notify_request, r->notify_flags, r->read};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		digest = observe_digest(digest, words[i]);
	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		digest = observe_digest(digest, observer->desc[i].control);
	for (uint32_t i = ring->read; i != ring->end; i++)
		digest = observe_digest(digest, observer->desc[i % observer->geometry.descs].body);
	ring->digest = digest;
}

/* False: not both halves are here. */
static bool ring_begin(
    const struct observer *observer, uint32_t from, uint32_t to, struct observed_ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->from = from;
	ring->to = to;
	ring->half[0] = observe_place(observer, OBSERVE_SENDER, from, to);
	ring->half[1] = observe_place(observer, OBSERVE_RECEIVER, from, to);
	ring->state = OBSERVED_ABSENT;
	return ring->half[0].at && ring->half[1].at;
}

static enum observed_state state_of(const struct observed_ring *ring)
{
	if (ring->sender.incarnation == 0 && ring->receiver.incarnation == 0)
		return OBSERVED_UNUSED;
	return is_in_step(ring) ? OBSERVED_IN_STEP : OBSERVED_RESET;
}

uint32_t observe_backlog(struct observer *observer, uint32_t from, uint32_t to, uint32_t most,
    struct observed_ring *ring)
{
	struct observed_ring again;
	uint32_t loaded = 0;

	if (!ring_begin(observer, from, to, ring))
		return 0;
	lines_copy(ring);
	ring->state = state_of(ring);
	ring->read = ring->end = ring->receiver.read;
	if (ring->state != OBSERVED_IN_STEP)
		return 0;
	while (loaded < most && loaded < observer->geometry.descs) {
		desc_copy(observer, ring, ring->end);
		loaded++;
		if (wrap_at(observer, ring->end) != wrap_of(observer, ring->end))
			break;
		ring->end++;
	}
	again = *ring;
	lines_copy(&again);
	if (!generation_is_same(ring, &again)) {
		ring->state = OBSERVED_CHANGING;
		return loaded;
	}
	ring->is_known = again.receiver.read - ring->read <= ring->end - ring->read &&
			 (ring->end - ring->read < loaded || loaded == observer->geometry.descs);
	if (ring->is_known) {
		ring->read = again.receiver.read;
		observe_flight(observer, ring, NULL);
	}
	return loaded;
}

uint32_t observe_released(struct observer *observer, const struct observed_ring *ring,
    uint32_t count, uint64_t *messages, uint64_t *bytes)
{
	struct observed_descriptor d;
	uint32_t i;

	*messages = *bytes = 0;
	for (i = 0; i < count && i < observer->geometry.descs; i++) {
		desc_copy(observer, ring, ring->read - 1 - i);
		observe_descriptor(observer, ring, ring->read - 1 - i, &d);
		if (!d.is_there || d.broken)
			break;
		*messages += d.count;
		*bytes += (uint64_t)d.count * d.size;
	}
	return i;
}

void observe_ring(struct observer *observer, uint32_t from, uint32_t to, struct observed_ring *ring,
    struct observe_findings *findings)
{
	bool is_still = false;

	if (!ring_begin(observer, from, to, ring))
		return;
	for (uint32_t i = 0; i < TRIES && !is_still; i++)
		is_still = look(observer, ring);
	ring->state = is_still ? state_of(ring) : OBSERVED_CHANGING;
	if (!is_in_step(ring))
		ring->is_known = false;
	digest_make(observer, ring);
	if (is_still && findings)
		check(observer, ring, findings);
	if (ring->is_known)
		observe_flight(observer, ring, is_still ? findings : NULL);
}
