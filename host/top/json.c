/* SPDX-License-Identifier: MIT */
/*
 * json.c - one interval as an object of JSON. What is not known is null.
 */
#include "top/show.h"

#include "app/json.h"
#include "app/show.h"

#include <time.h>

#define MILLI 3u /* digits behind the point of a rate and of a time */

static void maybe_put(struct json *j, const char *name, bool is_known, uint64_t value)
{
	if (is_known)
		json_u64(j, name, value);
	else
		json_null(j, name);
}

static void rate_put(struct json *j, const char *name, struct rate rate)
{
	/* A stranger's counters can make any number. */
	if (rate.is_known && rate.value >= 0 && rate.value < 1e16)
		json_decimal(j, name, (uint64_t)(rate.value * 1000 + 0.5), MILLI);
	else
		json_null(j, name);
}

/* The member "rates"; its first one says whether its bytes are an estimate. */
static void rates_put(struct json *j, const struct rates *r)
{
	json_object(j, "rates");
	json_bool(j, "is_estimate", r->bytes_out.is_estimate || r->bytes_in.is_estimate);
	rate_put(j, "sent", r->sent);
	rate_put(j, "received", r->received);
	rate_put(j, "bytes_out", r->bytes_out);
	rate_put(j, "bytes_in", r->bytes_in);
	rate_put(j, "doorbells", r->doorbells);
	rate_put(j, "saved", r->suppressed);
	rate_put(j, "missed", r->missed);
	rate_put(j, "errors", r->errors);
	rate_put(j, "lost", r->lost);
	json_close(j);
}

static void counters_put(struct json *j, const struct ivsh_counters *c)
{
	json_object(j, "counters");
	json_u64(j, "sent", c->sent);
	json_u64(j, "received", c->received);
	json_u64(j, "full", c->full);
	json_u64(j, "discarded", c->discarded);
	json_u64(j, "doorbells", c->notifications_sent);
	json_u64(j, "saved", c->notifications_suppressed);
	json_u64(j, "wakes_doorbell", c->wakes_doorbell);
	json_u64(j, "wakes_timer", c->wakes_timer);
	json_u64(j, "errors", c->errors);
	json_u64(j, "lost", c->lost);
	json_u64(j, "missed", c->missed_notifications);
	json_close(j);
}

static void peer_put(struct json *j, const struct ivsh_region *region, const struct view_row *row)
{
	const struct look_peer *p = row->peer;

	json_object(j, NULL);
	json_u64(j, "slot", row->slot);
	json_text(j, "name", p->is_named ? p->name : NULL);
	json_text(j, "state", p->presence == LOOK_UNKNOWN ? NULL : text_presence(p->presence));
	json_u64(j, "incarnation", p->incarnation);
	json_u64(j, "silent_ms", p->silent_ns / 1000000);
	json_u64(j, "vectors", p->vectors);
	rates_put(j, &row->rates);
	if (p->is_whole)
		counters_put(j, &p->counters);
	else
		json_null(j, "counters");
	rate_put(j, "fill", row->fill);
	show_metrics_json(j, region, row->slot);
	json_close(j);
}

static void ring_put(struct json *j, const struct sample *s, uint32_t from, uint32_t to)
{
	const struct sample_ring *ring = sample_ring(s, from, to);
	const struct look_ring *now = &ring->now;
	struct ring_rates rates = rates_ring(&ring->before, now);

	json_object(j, NULL);
	json_u64(j, "from", from);
	json_u64(j, "to", to);
	json_text(j, "state", text_ring(now->state));
	maybe_put(j, "in_flight", now->state == OBSERVED_IN_STEP, now->fill);
	maybe_put(j, "small_taken", now->is_taken_known, now->taken[0]);
	maybe_put(j, "large_taken", now->is_taken_known, now->taken[1]);
	rate_put(j, "descriptors", rates.descriptors);
	rate_put(j, "bytes", rates.bytes);
	json_bool(j, "is_estimate", rates.bytes.is_estimate);
	json_close(j);
}

static void rings_put(struct json *j, const struct sample *s)
{
	uint32_t slots = s->observer.geometry.slots;

	json_array(j, "rings");
	for (uint32_t from = 0; from < slots; from++)
		for (uint32_t to = 0; to < slots; to++) {
			const struct look_ring *now;

			if (from == to)
				continue;
			now = &sample_ring(s, from, to)->now;
			if (now->at_ns != 0 && now->state != OBSERVED_UNUSED)
				ring_put(j, s, from, to);
		}
	json_close(j);
}

static void region_put(struct json *j, const struct view *v)
{
	const struct sample *s = &v->sample;
	const struct ivsh_geometry *g = &s->observer.geometry;

	json_u64(j, "slots", g->slots);
	json_u64(j, "descs", g->descs);
	json_u64(j, "small_size", g->small_size);
	json_u64(j, "large_size", g->large_size);
	json_text(j, "server", s->server == SERVER_UNKNOWN ? NULL : text_server(s->server));
	rates_put(j, &v->sum);
	json_array(j, "peers");
	for (uint32_t i = 0; i < v->rows; i++)
		peer_put(j, &v->sample.region, &v->row[i]);
	json_close(j);
	rings_put(j, s);
}

void show_json(const struct view *v, const struct transport *transport)
{
	const struct sample *s = &v->sample;
	char text[SHOW_SIZE];
	struct timespec now;
	struct json j;

	clock_gettime(CLOCK_REALTIME, &now);
	json_begin(&j, "top");
	json_decimal(
	    &j, "time_s", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, MILLI);
	json_text(&j, "place", transport->object);
	json_u64(&j, "memory", show_bytes(transport));
	json_bool(&j, "is_region", s->is_open);
	json_u64(&j, "broken_words", s->broken);
	json_u64(&j, "formatted_again", s->formatted);
	json_u64(&j, "went_back", s->back);
	json_u64(&j, "parts_out", s->is_open ? s->parts_out : 0);
	if (s->is_open) {
		region_put(&j, v);
	} else {
		show_refusal(text, v, transport);
		json_text(&j, "why", text);
	}
	json_end(&j);
}
