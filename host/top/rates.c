/* SPDX-License-Identifier: MIT */
/*
 * rates.c - two looks into differences per second.
 *
 * Theory of operation: a peer's counters say its messages, and not their bytes. The bytes come from
 * the rings: the receiver's index says how many descriptors were released between two looks, and
 * the descriptors that were released last still say what they carried. If these are all, the bytes
 * are exact; else they are the mean of those, and marked as an estimate.
 */
#include "top/rates.h"

static double seconds(uint64_t before_ns, uint64_t now_ns)
{
	return (double)(now_ns - before_ns) / 1e9;
}

static struct rate rate_of(double difference, uint64_t before_ns, uint64_t now_ns)
{
	return (struct rate){true, false, difference / seconds(before_ns, now_ns)};
}

static struct rate rate_counter(const struct look_peer *before, const struct look_peer *now,
    uint64_t counter_before, uint64_t counter_now)
{
	/* Numbers of a stranger: one that grows by more than half its range went back. */
	if (counter_now - counter_before > INT64_MAX)
		return (struct rate){0};
	return rate_of((double)(counter_now - counter_before), before->at_ns, now->at_ns);
}

struct rates rates_counters(const struct look_peer *before, const struct look_peer *now)
{
	const struct ivsh_counters *a = &before->counters, *b = &now->counters;
	struct rates r = {0};

	if (!before->at_ns || now->at_ns <= before->at_ns || !before->is_whole || !now->is_whole ||
	    before->incarnation != now->incarnation ||
	    now->heartbeat - before->heartbeat > INT32_MAX)
		return r;
	r.sent = rate_counter(before, now, a->sent, b->sent);
	r.received = rate_counter(before, now, a->received, b->received);
	r.doorbells = rate_counter(before, now, a->notifications_sent, b->notifications_sent);
	r.suppressed =
	    rate_counter(before, now, a->notifications_suppressed, b->notifications_suppressed);
	r.missed = rate_counter(before, now, a->missed_notifications, b->missed_notifications);
	r.errors = rate_counter(before, now, a->errors, b->errors);
	r.lost = rate_counter(before, now, a->lost, b->lost);
	return r;
}

struct ring_rates rates_ring(const struct look_ring *before, const struct look_ring *now)
{
	struct ring_rates r = {0};
	uint32_t count = now->read - before->read;

	if (!before->at_ns || now->at_ns <= before->at_ns ||
	    before->generation != now->generation || before->sender != now->sender ||
	    before->receiver != now->receiver || count > INT32_MAX)
		return r;
	if (now->state == OBSERVED_UNUSED) {
		r.descriptors = r.bytes = rate_of(0, before->at_ns, now->at_ns);
		return r;
	}
	if (now->state != OBSERVED_IN_STEP || before->state != OBSERVED_IN_STEP)
		return r;
	r.descriptors = rate_of(count, before->at_ns, now->at_ns);
	if (count == 0)
		r.bytes = r.descriptors;
	else if (now->released)
		r.bytes =
		    rate_of((double)now->bytes * count / now->released, before->at_ns, now->at_ns);
	r.bytes.is_estimate = count != 0 && now->released < count;
	return r;
}

/* Add (more). What is not known makes the sum unknown; an estimate, an estimate. */
static void rate_add(struct rate *sum, struct rate more)
{
	sum->is_known &= more.is_known;
	sum->is_estimate |= more.is_estimate;
	sum->value += more.value;
}

struct rates rates_peer(const struct sample *s, uint32_t slot)
{
	struct rates r = rates_counters(&s->peer[slot].before, &s->peer[slot].now);
	static const struct ivsh_counters none;
	const struct ivsh_counters *c = &s->peer[slot].now.counters;
	struct rate out = {true, false, 0}, in = out;

	r.bytes_out = r.bytes_in = (struct rate){true, false, 0};
	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct ring_rates to, from;

		if (i == slot || s->peer[i].now.incarnation == 0)
			continue;
		to = rates_ring(&sample_ring(s, slot, i)->before, &sample_ring(s, slot, i)->now);
		from = rates_ring(&sample_ring(s, i, slot)->before, &sample_ring(s, i, slot)->now);
		rate_add(&r.bytes_out, to.bytes);
		rate_add(&r.bytes_in, from.bytes);
		rate_add(&out, to.descriptors);
		rate_add(&in, from.descriptors);
	}
	/* A program that links no counters leaves them 0, whatever it sends. SPEC R5.14. */
	if (__builtin_memcmp(c, &none, sizeof(none)) == 0 && (out.value > 0 || in.value > 0))
		r.sent = r.received = r.doorbells = r.suppressed = r.missed = r.errors = r.lost =
		    (struct rate){0};
	return r;
}

/* Of those that are known. */
static void total_add(struct rate *sum, struct rate more)
{
	sum->is_estimate |= more.is_estimate || !more.is_known;
	if (more.is_known) {
		sum->is_known = true;
		sum->value += more.value;
	}
}

struct rates rates_total(const struct sample *s)
{
	struct rates sum = {0};

	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct rates r;

		if (!s->peer[i].now.is_used)
			continue;
		r = rates_peer(s, i);
		total_add(&sum.sent, r.sent);
		total_add(&sum.received, r.received);
		total_add(&sum.bytes_out, r.bytes_out);
		total_add(&sum.bytes_in, r.bytes_in);
		total_add(&sum.doorbells, r.doorbells);
		total_add(&sum.suppressed, r.suppressed);
		total_add(&sum.missed, r.missed);
		total_add(&sum.errors, r.errors);
		total_add(&sum.lost, r.lost);
	}
	return sum;
}

struct rate rates_fill(const struct ivsh_geometry *g, const struct look_ring *now)
{
	struct rate r = {now->state == OBSERVED_IN_STEP, false, (double)now->fill / g->descs};

	if (now->state == OBSERVED_UNUSED)
		return (struct rate){true, false, 0};
	if (now->is_taken_known) {
		double small = (double)now->taken[0] / g->small_size;
		double large = (double)now->taken[1] / g->large_size;

		r.value = small > r.value ? small : r.value;
		r.value = large > r.value ? large : r.value;
	}
	return r;
}

struct rate rates_fullest(const struct sample *s, uint32_t slot)
{
	struct rate most = {0};

	for (uint32_t i = 0; i < s->observer.geometry.slots; i++) {
		struct rate r[2];

		if (i == slot || s->peer[i].now.incarnation == 0)
			continue;
		r[0] = rates_fill(&s->observer.geometry, &sample_ring(s, slot, i)->now);
		r[1] = rates_fill(&s->observer.geometry, &sample_ring(s, i, slot)->now);
		for (unsigned j = 0; j < 2; j++)
			if (r[j].is_known && (!most.is_known || r[j].value > most.value))
				most = r[j];
	}
	return most;
}
