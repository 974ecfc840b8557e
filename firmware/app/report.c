/* SPDX-License-Identifier: MIT */
/*
 * report.c - the lines that several commands print alike.
 */
#include "app/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_us(const char *name, uint64_t ns)
{
	printf(" %s %" PRIu64 ".%02" PRIu64, name, ns / 1000, ns / 10 % 100);
}

void report_begin(struct json *json, const struct session *s, const char *type)
{
	json_begin(json, type);
	json_text(json, "command", s->options->word[0]);
}

void report_peer(struct json *json, struct session *s, uint32_t slot)
{
	const struct ivsh_peer *peer = s->node ? session_peer(s, slot) : NULL;

	json_u64(json, "peer", slot);
	json_text(json, "peer_name", peer && peer->name[0] ? peer->name : NULL);
}

void report_start(const struct session *s, const char *serves)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, "start");
		json_u64(&json, "slot", s->self);
		json_u64(&json, "slots", s->slots);
		json_end(&json);
	} else {
		printf("%s: slot %" PRIu32 " of %" PRIu32 "%s%s\n", s->options->word[0], s->self,
		    s->slots, *serves ? " " : "", serves);
	}
}

static void bytes_print(
    struct session *s, const char *type, const char *to, uint32_t peer, uint64_t bytes)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, type);
		report_peer(&json, s, peer);
		json_u64(&json, "bytes", bytes);
		json_end(&json);
	} else {
		printf("%s %" PRIu64 " bytes %s %s\n", type, bytes, to, session_who(s, peer));
	}
}

void report_sent(struct session *s, uint32_t peer, uint64_t bytes)
{
	bytes_print(s, "sent", "to", peer, bytes);
}

void report_received(struct session *s, uint32_t peer, uint64_t bytes)
{
	bytes_print(s, "received", "from", peer, bytes);
}

/* The percentiles that are shown: by the nearest rank below. */
static const struct {
	const char *text, *member;
	uint32_t percent;
} ranks[] = {
    {"min", "min_ns", 0}, {"p50", "p50_ns", 50}, {"p99", "p99_ns", 99}, {"max", "max_ns", 100}};

static uint64_t rank_of(const struct report_times *t, uint32_t percent)
{
	uint64_t index = percent == 50 ? t->count / 2 : (uint64_t)t->count * percent / 100;

	return t->times_ns[index < t->count ? index : t->count - 1];
}

static void times_json(struct session *s, const struct report_times *t)
{
	struct json json;

	report_begin(&json, s, t->type);
	report_peer(&json, s, t->peer);
	json_u64(&json, "count", t->count);
	if (t->size != UINT32_MAX)
		json_u64(&json, "size_bytes", t->size);
	json_u64(&json, "lost", t->lost);
	for (uint32_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		json_u64(&json, ranks[i].member, rank_of(t, ranks[i].percent));
	json_end(&json);
}

void report_times(struct session *s, const struct report_times *t)
{
	qsort(t->times_ns, t->count, sizeof(*t->times_ns), compare);
	if (s->options->json) {
		times_json(s, t);
		return;
	}
	printf("%s: %s: %" PRIu32 " %s", s->options->word[0], session_who(s, t->peer), t->count,
	    t->what);
	if (t->size != UINT32_MAX)
		printf(" of %" PRIu32 " bytes", t->size);
	printf(", us:");
	for (uint32_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		print_us(ranks[i].text, rank_of(t, ranks[i].percent));
	printf("\n");
}

static void wait_json(const struct session *s, const struct ivsh_counters *c, uint32_t vectors)
{
	struct json json;

	report_begin(&json, s, "wait");
	json_text(&json, "wait", options_wait_name(s->options->wait));
	json_u64(&json, "vectors", vectors);
	json_u64(&json, "notifications_sent", c->notifications_sent);
	json_u64(&json, "notifications_suppressed", c->notifications_suppressed);
	json_u64(&json, "wakes_doorbell", c->wakes_doorbell);
	json_u64(&json, "wakes_timer", c->wakes_timer);
	json_u64(&json, "missed_notifications", c->missed_notifications);
	json_end(&json);
}

void report_wait(const struct session *s)
{
	struct ivsh_counters c;
	/* No peer notifies one that polls. */
	uint32_t vectors =
	    s->options->wait == IVSH_WAIT_POLL ? 0 : s->transport.mem.doorbell.vectors;

	session_counters(s, &c);
	if (s->options->json) {
		wait_json(s, &c, vectors);
		return;
	}
	printf("%s: wait %s, %" PRIu32 " vector%s: notifications sent %" PRIu64
	       ", suppressed %" PRIu64 "; woken by doorbell %" PRIu64 ", by timer %" PRIu64
	       " (missed %" PRIu64 ")\n",
	    s->options->word[0], options_wait_name(s->options->wait), vectors,
	    vectors == 1 ? "" : "s", c.notifications_sent, c.notifications_suppressed,
	    c.wakes_doorbell, c.wakes_timer, c.missed_notifications);
}
