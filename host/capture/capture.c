/* SPDX-License-Identifier: MIT */
/*
 * capture.c - all rings of a region, or some, into a pcapng file.
 *
 * Theory of operation: the observer looks at each open ring in turn. What one round over them has
 * put into the buffer stays there until guard_check() says that the memory is still the same; else
 * it is taken back, and counts as missed. Only then it may be written.
 */
#include "capture/capture.h"

#include "capture/guard.h"
#include "capture/packet.h"
#include "capture/record.h"

#include "core/place.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After so long an index of 32 bits may have gone half round: 100 million messages a second. */
#define LATE_NS UINT64_C(20000000000)
#define OPENED_NS UINT64_C(20000000)  /* how often rings that were never opened are looked at */
#define MARKS_NS UINT64_C(1000000000) /* a mark waits for the ring's next message so long */
#define FLUSH_NS UINT64_C(20000000)   /* a reader that follows waits so long for a message */
#define BACK_NS UINT64_C(1000000000)  /* a memory that goes back is left alone for so long */
#define NAP_NS 50000                  /* a receiver takes about as long to wake up */
#define BUFFER (UINT32_C(4) << 20)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

size_t capture_buffer(const struct ivsh_region *region, uint32_t snap)
{
	return BUFFER + record_room(&region->geometry, snap);
}

/* Whether the ring from (from) to (to) is one of those that were asked for. */
static bool is_wanted(const struct capture *c, uint32_t from, uint32_t to)
{
	return from != to && (c->from == CAPTURE_ALL || c->from == from) &&
	       (c->to == CAPTURE_ALL || c->to == to) &&
	       (c->either == CAPTURE_ALL || c->either == from || c->either == to);
}

static bool rings_begin(struct capture *c)
{
	uint32_t slots = c->region->geometry.slots;

	c->rings = calloc((size_t)slots * slots, sizeof(c->rings[0]));
	c->open = calloc((size_t)slots * slots, sizeof(struct follow *));
	c->guard = malloc(sizeof(*c->guard));
	if (!c->rings || !c->open || !c->guard)
		return false;
	guard_begin(c->guard, c->region);
	for (uint32_t from = 0; from < slots; from++)
		for (uint32_t to = 0; to < slots; to++)
			if (is_wanted(c, from, to)) {
				c->wanted_count++;
				if (follow_begin(&c->rings[c->ring_count], c->region, from, to))
					c->ring_count++;
			}
	return true;
}

static bool is_begun(const struct capture *c, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < c->ring_count; i++)
		if (c->rings[i].from == from && c->rings[i].to == to)
			return true;
	return false;
}

/*
 * A part of a split region may be formatted late. Look for that of one slot: where it is here now,
 * its rings are followed from now on.
 */
static void late_find(struct capture *c)
{
	uint32_t slots = c->region->geometry.slots, slot;

	if (c->ring_count == c->wanted_count)
		return;
	slot = c->late = c->late + 1 < slots ? c->late + 1 : 0;
	if (ivsh_place(c->region, PLACE_SLOT, slot, 0) ||
	    !ivsh_place(c->region, PLACE_PENDING, slot, slot ? 0 : 1))
		return;
	guard_add(c->guard, slot);
	for (uint32_t i = 0; i < 2 * slots; i++) {
		uint32_t from = i < slots ? slot : i - slots, to = i < slots ? i : slot;

		if (is_wanted(c, from, to) && !is_begun(c, from, to) &&
		    follow_begin(&c->rings[c->ring_count], c->region, from, to))
			c->ring_count++;
	}
}

/* Begin all rings anew where the receivers are. */
static void rings_skip(struct capture *c, enum packet_reason reason)
{
	for (uint32_t i = 0; i < c->ring_count; i++)
		follow_skip(&c->rings[i], reason);
	if (guard_check(c->guard, true) == GUARD_FORMATTED)
		c->end = CAPTURE_FORMATTED;
}

/*
 * Collect the rings that were opened, in their order. Look at all heartbeats, too: one that goes
 * back is found if it has moved since.
 */
static void opened_find(struct capture *c)
{
	enum guard_finding finding = guard_check(c->guard, true);

	if (finding == GUARD_FORMATTED)
		c->end = CAPTURE_FORMATTED;
	c->is_back |= finding == GUARD_BACK;
	late_find(c);
	c->open_count = 0;
	for (uint32_t i = 0; i < c->ring_count; i++)
		if (follow_is_open(&c->rings[i]))
			c->open[c->open_count++] = &c->rings[i];
}

/* What one round has put into the buffer, so that it can be taken back. */
struct round {
	size_t used;
	uint64_t written, unproved, filtered, damaged;
};

static struct round round_begin(const struct capture *c)
{
	return (struct round){c->drain.used, c->written, c->unproved, c->filtered, c->damaged};
}

/* Whether no ring that something was copied of was reset meanwhile. Behind guard_check(). */
static bool rings_are_same(struct capture *c)
{
	bool same = true;

	for (uint32_t i = 0; i < c->open_count; i++)
		same &= follow_is_same(c->open[i]);
	return same;
}

/* The round is over, or the buffer is full: keep what it has, or take it back. False: it ends. */
static bool round_keep(struct capture *c, const struct round *r)
{
	enum guard_finding finding = GUARD_SAME;
	bool same = true;

	if (c->drain.used != r->used || c->filtered != r->filtered) {
		finding = guard_check(c->guard, false);
		same = rings_are_same(c);
	}
	if (finding == GUARD_SAME && same)
		return true;
	c->drain.used = r->used;
	c->missed += c->written - r->written + c->filtered - r->filtered;
	c->at_least = true;
	c->written = r->written;
	c->unproved = r->unproved;
	c->filtered = r->filtered;
	c->damaged = r->damaged;
	if (finding == GUARD_FORMATTED)
		c->end = CAPTURE_FORMATTED;
	c->is_back |= finding == GUARD_BACK;
	return false;
}

static bool flush(struct capture *c)
{
	c->wait_ns = 0;
	if (drain_flush(&c->drain) == 0)
		return true;
	c->end = CAPTURE_DRAIN;
	return false;
}

/* The marks of all rings that have missed something. */
static void marks_put(struct capture *c)
{
	for (uint32_t i = 0; i < c->ring_count; i++)
		if (c->end == CAPTURE_DONE && !record_mark(c, &c->rings[i]) && flush(c))
			(void)record_mark(c, &c->rings[i]);
}

static bool take(void *context, struct follow *f, const struct sight *s)
{
	return record_take(context, f, s);
}

/*
 * One round over the open rings. It ends early when the buffer is full, or the count reached; the
 * ring where that happened comes first then. Answers whether it found anything; *passed grows by
 * the rings that it looked at to their ends.
 */
static bool round_run(struct capture *c, uint64_t *passed)
{
	static uint32_t first;
	struct round r = round_begin(c);
	uint64_t before = c->taken;
	uint32_t n = 0;

	for (; n < c->open_count; n++) {
		struct follow *f = c->open[(first + n) % c->open_count];

		follow_round(f);
		if (!follow_look(f, take, c))
			break;
	}
	if (c->open_count)
		first = (first + n) % c->open_count;
	*passed += n;
	if (round_keep(c, &r) && n < c->open_count && !flush(c))
		return true;
	return c->taken != before;
}

/* Whether the capture goes on. */
static bool goes_on(const struct capture *c, uint64_t begin, uint64_t now)
{
	return c->end == CAPTURE_DONE && !c->stopped() &&
	       (c->count == 0 || c->written < c->count) &&
	       (c->time_ns == 0 || now - begin < c->time_ns);
}

/* Nothing new: let a reader have what there is, and perhaps sleep. */
static void idle(struct capture *c, uint64_t now, uint64_t busy)
{
	const struct timespec nap = {0, NAP_NS};

	if (c->drain.used && now - busy >= FLUSH_NS)
		(void)flush(c);
	if (c->naps && now - busy >= c->spin_ns)
		(void)nanosleep(&nap, NULL);
}

/*
 * More of the memory may go back than the slots, and its peers have not noticed it yet: wait, then
 * begin anew. SPEC R5.12.
 */
static void back_wait(struct capture *c)
{
	const struct timespec nap = {0, 10000000};
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	while (clock_ns(CLOCK_MONOTONIC) - begin < BACK_NS && !c->stopped())
		(void)nanosleep(&nap, NULL);
	c->is_back = false;
	rings_skip(c, PACKET_BACK);
}

static bool is_enough(const struct capture *c)
{
	return c->end != CAPTURE_DONE || (c->count != 0 && c->written >= c->count);
}

/*
 * How many buffers the open rings fill at the most, each twice: a bound, where a sender fills its
 * ring as fast as it is looked at.
 */
static uint64_t buffers(const struct capture *c)
{
	const struct ivsh_geometry *g = &c->region->geometry;
	uint64_t ring = 16 * ((uint64_t)g->small_size + g->large_size) + UINT64_C(128) * g->descs;

	return 2 * (uint64_t)c->open_count * (ring / BUFFER + 1);
}

/*
 * What was published before the capture was stopped, and not looked at since. Each ring is looked
 * at to its end twice: where its sender has begun another generation, the first look finds that,
 * and the second one its messages.
 */
static void last_look(struct capture *c, uint64_t last)
{
	uint64_t passed = 0, rounds;

	if (is_enough(c))
		return;
	if (clock_ns(CLOCK_MONOTONIC) - last >= LATE_NS)
		rings_skip(c, PACKET_LATE);
	opened_find(c);
	rounds = buffers(c);
	while (
	    passed < 2 * (uint64_t)c->open_count && rounds-- != 0 && !c->is_back && !is_enough(c))
		(void)round_run(c, &passed);
}

static void follow_all(struct capture *c)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), now = begin, busy = begin;
	uint64_t last = begin, opened = begin, marked = begin, passed = 0;

	opened_find(c);
	while (goes_on(c, begin, now)) {
		if (now - last >= LATE_NS)
			rings_skip(c, PACKET_LATE);
		if (now - opened >= OPENED_NS) {
			opened_find(c);
			opened = now;
		}
		if (c->is_back)
			back_wait(c);
		last = now;
		if (now - marked >= MARKS_NS) {
			marks_put(c);
			marked = now;
		}
		if (round_run(c, &passed))
			busy = now;
		else
			idle(c, now, busy);
		if (c->drain.used && c->wait_ns == 0)
			c->wait_ns = now;
		if (c->end == CAPTURE_DONE && c->wait_ns && now - c->wait_ns >= FLUSH_NS)
			(void)flush(c);
		now = clock_ns(CLOCK_MONOTONIC);
	}
	last_look(c, last);
}

/* Packets at the end that a full disk has cut off count as missed. */
static void cut_count(struct capture *c)
{
	const struct drain *o = &c->drain;

	for (size_t at = o->cut; at < o->used; at += drain_block(o, at))
		if (record_is_message(o->buffer + at)) {
			c->written--;
			c->missed++;
		}
}

static void finish(struct capture *c)
{
	uint8_t block[PCAPNG_STATISTICS_MAX];
	struct pcapng_statistics s = {.start_ns = c->start_ns};

	for (uint32_t i = 0; i < c->ring_count; i++)
		follow_end(&c->rings[i]);
	if (c->end != CAPTURE_DRAIN)
		marks_put(c);
	if (c->end != CAPTURE_DRAIN)
		(void)flush(c);
	if (c->drain.error && c->drain.is_file)
		cut_count(c);
	s.end_ns = clock_ns(CLOCK_REALTIME);
	s.dropped = c->missed;
	s.delivered = c->written;
	s.received = c->written + c->filtered + c->missed;
	s.comment = c->at_least ? "the dropped messages are the least number: there may have been"
				  " more"
				: NULL;
	drain_last(&c->drain, block, pcapng_statistics(block, &s));
	if (c->drain.error)
		c->end = CAPTURE_DRAIN;
}

enum capture_end capture_run(struct capture *c)
{
	c->end = CAPTURE_DONE;
	c->start_ns = clock_ns(CLOCK_REALTIME);
	if (rings_begin(c)) {
		drain_add(&c->drain,
		    pcapng_begin(drain_room(&c->drain, PCAPNG_BEGIN_MAX), "ivsh", c->object,
			PACKET_LINK_TYPE, c->snap + (uint32_t)sizeof(struct packet_header)));
		/* A reader waits for the header. */
		if (flush(c))
			follow_all(c);
		finish(c);
	} else {
		c->end = CAPTURE_MEMORY;
	}
	free(c->rings);
	free(c->open);
	free(c->guard);
	return c->end;
}
