/* SPDX-License-Identifier: MIT */
/*
 * demo.c - demo and stress: numbered messages with every peer, both ways at once, every byte
 * checked.
 */
#include "app/commands.h"
#include "app/link.h"
#include "app/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The largest message that this machine's memory is used for, whatever the region allows. */
#define SIZE_MOST (UINT32_C(1) << 22)

/* So long a partner that left before the end may be away, without --timeout. */
#define LEFT_NS UINT64_C(10000000000)

/* A partner that has left does not come back for ever. */
static void left_check(struct demo *d)
{
	uint64_t limit_ns = d->s.patience_ns ? d->s.patience_ns : LEFT_NS;

	if (d->left == IVSH_SELF_NONE || session_now(&d->s) - d->left_ns < limit_ns)
		return;
	fprintf(stderr, "ivsh: %s: slot %" PRIu32 ": it left before the end\n", d->name, d->left);
	d->s.status = STATUS_FAILED;
	d->failed = true;
}

/* Nothing failed, and the links are of this entry. */
static bool goes_on(const struct demo *d)
{
	return !d->failed && d->entry == d->s.entries;
}

/*
 * While partners are missing, each peer that is present becomes one. A partner that died does not
 * finish.
 */
static void peers_check(struct demo *d)
{
	for (uint32_t i = 0; i < d->slots && goes_on(d); i++) {
		struct link *l = &d->link[i];
		const struct ivsh_peer *peer;

		if (i == d->s.self || (l->done_sent && l->done_seen))
			continue;
		peer = session_peer(&d->s, i);
		if (l->active) {
			link_partner_check(d, i, peer);
		} else if (peer->presence == IVSH_PEER_ATTACHED &&
			   d->active < d->s.options->peers && session_answers(&d->s, i)) {
			link_begin(d, i);
		}
	}
}

static bool finished(const struct demo *d)
{
	if (d->active < d->s.options->peers)
		return false;
	for (uint32_t i = 0; i < d->slots; i++)
		if (d->link[i].active && !(d->link[i].done_sent && d->link[i].done_seen))
			return false;
	return true;
}

/* The largest message of the exchange. */
static uint32_t max_of(const struct demo *d)
{
	return d->s.max < SIZE_MOST ? d->s.max : SIZE_MOST;
}

static void free_all(struct demo *d)
{
	free(d->link);
	free(d->in);
	free(d->want);
	d->link = NULL;
	d->in = d->want = NULL;
}

/* Refuse a size that does not fit the region or this machine. 0, or -1 after a line. */
static int prepare(struct demo *d)
{
	uint32_t peers = d->s.options->peers;

	if (peers >= d->s.slots) {
		fprintf(stderr,
		    "ivsh: %s: --peers=%" PRIu32 ": this region has %" PRIu32
		    " slots: at most %" PRIu32 "\n",
		    d->name, peers, d->s.slots, d->s.slots - 1);
		return -1;
	}
	d->slots = d->s.slots;
	d->self = d->s.self;
	d->max = max_of(d);
	d->left = IVSH_SELF_NONE;
	d->link = calloc(d->s.slots, sizeof(*d->link));
	d->in = malloc(d->max);
	d->want = malloc(d->max);
	if (d->link && d->in && d->want)
		return 0;
	fprintf(stderr, "ivsh: %s: no memory for messages of %" PRIu32 " bytes\n", d->name, d->max);
	return -1;
}

/*
 * Our incarnation is another: what was not over begins again. The region may be another, too.
 */
static void entry_begin(struct demo *d)
{
	bool is_same = d->slots == d->s.slots && d->self == d->s.self && d->max == max_of(d);

	d->entry = d->s.entries;
	if (!is_same) {
		free_all(d);
		d->active = 0;
		d->failed = prepare(d) != 0;
		return;
	}
	for (uint32_t i = 0; i < d->s.slots; i++)
		if (d->link[i].active && !(d->link[i].done_sent && d->link[i].done_seen))
			link_restart(d, i);
}

static void exchange_all(struct demo *d)
{
	session_await(&d->s, IVSH_SELF_NONE, "a message from a partner");
	while (!d->failed && !finished(d)) {
		bool some = false;

		if (d->entry != d->s.entries)
			entry_begin(d);

		for (uint32_t i = 0; i < d->slots && goes_on(d); i++) {
			if (i == d->self)
				continue;
			link_check(d, i);
			if (!goes_on(d))
				break;
			some |= link_receive(d, i);
			if (goes_on(d))
				some |= link_send(d, i);
		}
		if (!some && goes_on(d))
			peers_check(d);
		if (goes_on(d))
			left_check(d);
		if (d->failed)
			break;
		if (!(some ? session_busy(&d->s) : session_idle(&d->s))) {
			fprintf(stderr, "ivsh: %s: %" PRIu32 " of %" PRIu32 " peers showed up\n",
			    d->name, d->active, d->s.options->peers);
			if (d->s.status == STATUS_TIMEOUT && d->active < d->s.options->peers)
				d->s.status = STATUS_NO_PEER;
			d->failed = true;
		}
	}
}

static void result_print(struct demo *d)
{
	uint64_t sent = 0, seen = 0;
	struct json json;

	for (uint32_t i = 0; i < d->slots; i++) {
		sent += d->link[i].bytes_sent;
		seen += d->link[i].bytes_seen;
	}
	if (d->s.options->json) {
		report_begin(&json, &d->s, "verified");
		json_u64(&json, "partners", d->active);
		json_u64(&json, "sent_messages", d->active * d->count);
		json_u64(&json, "sent_bytes", sent);
		json_u64(&json, "received_messages", d->active * d->count);
		json_u64(&json, "received_bytes", seen);
		json_end(&json);
		return;
	}
	printf("%s: %s: sent %" PRIu64 " bytes in %" PRIu32 " messages, received %" PRIu64
	       " bytes in %" PRIu32 ": every byte verified\n",
	    d->name, session_who(&d->s, d->s.self), sent, d->active * d->count, seen,
	    d->active * d->count);
}

static void begin_print(struct demo *d)
{
	uint32_t peers = d->s.options->peers;

	if (d->s.options->json)
		report_start(&d->s, "");
	else
		printf("%s: here is %s on %s; waiting for %" PRIu32 " peer%s\n", d->name,
		    session_who(&d->s, d->s.self), d->s.world->name, peers, peers == 1 ? "" : "s");
}

static int run(const struct world *world, const struct options *o, const char *name, bool random)
{
	static struct demo d;

	d = (struct demo){.name = name, .count = o->count, .random = random, .quiet = o->quiet};
	if (session_open(&d.s, world, o, 0, 0))
		return d.s.status;
	d.s.status = STATUS_FAILED;
	d.s.goes_on = true;
	session_metrics(&d.s, link_metrics);
	d.failed = prepare(&d) != 0;
	if (!d.failed) {
		begin_print(&d);
		exchange_all(&d);
	}
	if (!d.failed)
		result_print(&d);
	session_close(&d.s);
	free_all(&d);
	return d.failed ? d.s.status : STATUS_DONE;
}

int demo_run(const struct world *world, const struct options *o)
{
	return run(world, o, "demo", false);
}

int stress_run(const struct world *world, const struct options *o)
{
	return run(world, o, "stress", true);
}
