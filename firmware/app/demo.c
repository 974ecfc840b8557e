/* SPDX-License-Identifier: MIT */
/*
 * demo.c - demo and stress: numbered messages with every peer, both ways at once, every byte
 * checked.
 */
#include "app/commands.h"
#include "app/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What one message may take of this machine's memory, however large the region's are: what
 * ivsh_geometry_fit() stops at. */
#define SIZE_MOST (UINT32_C(1) << 22)

/* While partners are missing, whoever is there is one; a partner that died will not finish. */
static void peers_look(struct demo *d)
{
	for (uint32_t i = 0; i < d->s.slots && !d->failed; i++) {
		struct link *l = &d->link[i];
		const struct ivsh_peer *peer;

		if (i == d->s.region.mem.self || (l->done_sent && l->done_seen))
			continue;
		peer = session_peer(&d->s, i);
		if (l->active) {
			link_partner_look(d, i, peer);
		} else if (peer->presence == IVSH_PEER_ATTACHED &&
			   d->active < d->s.options->peers) {
			link_begin(d, i);
			printf("%s is here\n", session_who(&d->s, i));
		}
	}
}

static bool finished(const struct demo *d)
{
	if (d->active < d->s.options->peers)
		return false;
	for (uint32_t i = 0; i < d->s.slots; i++)
		if (d->link[i].active && !(d->link[i].done_sent && d->link[i].done_seen))
			return false;
	return true;
}

static void exchange_all(struct demo *d)
{
	while (!d->failed && !finished(d)) {
		bool some = false;

		for (uint32_t i = 0; i < d->s.slots && !d->failed; i++) {
			if (i == d->s.region.mem.self)
				continue;
			link_look(d, i);
			if (d->failed)
				break;
			some |= link_receive(d, i);
			some |= link_send(d, i);
		}
		if (some)
			continue;
		peers_look(d);
		if (!session_idle(&d->s)) {
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

	for (uint32_t i = 0; i < d->s.slots; i++) {
		sent += d->link[i].bytes_sent;
		seen += d->link[i].bytes_seen;
	}
	printf("%s: %s: sent %" PRIu64 " bytes in %" PRIu32 " messages, received %" PRIu64
	       " bytes in %" PRIu32 ": every byte verified\n",
	    d->name, session_who(&d->s, d->s.region.mem.self), sent, d->active * d->count, seen,
	    d->active * d->count);
}

static int run(const struct app_world *world, const struct options *o, struct demo *d)
{
	if (!session_open(&d->s, world, o))
		return d->s.status;
	if (o->peers >= d->s.slots) {
		fprintf(stderr,
		    "ivsh: %s: --peers=%" PRIu32 ": this region has %" PRIu32
		    " slots: at most %" PRIu32 "\n",
		    d->name, o->peers, d->s.slots, d->s.slots - 1);
		session_close(&d->s);
		return STATUS_FAILED;
	}
	d->max = d->s.region.geometry.large_size;
	if (d->max > SIZE_MOST)
		d->max = SIZE_MOST;
	d->link = calloc(d->s.slots, sizeof(*d->link));
	d->in = malloc(d->max);
	d->want = malloc(d->max);
	if (d->link && d->in && d->want) {
		printf("%s: here is %s on %s; waiting for %" PRIu32 " peer%s\n", d->name,
		    session_who(&d->s, d->s.region.mem.self), world->name, o->peers,
		    o->peers == 1 ? "" : "s");
		exchange_all(d);
	} else {
		fprintf(stderr, "ivsh: %s: no memory for messages of %" PRIu32 " bytes\n", d->name,
		    d->max);
		d->failed = true;
	}
	if (!d->failed)
		result_print(d);
	session_close(&d->s);
	free(d->link);
	free(d->in);
	free(d->want);
	return d->failed ? d->s.status : STATUS_DONE;
}

int demo_run(const struct app_world *world, const struct options *o)
{
	static struct demo d;

	d = (struct demo){
	    .name = "demo", .count = o->count_given ? o->count : 64, .quiet = o->quiet};
	return run(world, o, &d);
}

int stress_run(const struct app_world *world, const struct options *o)
{
	static struct demo d;

	d = (struct demo){.name = "stress",
	    .count = o->count_given ? o->count : 100000,
	    .random = true,
	    .quiet = o->quiet};
	return run(world, o, &d);
}
