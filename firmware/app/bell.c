/* SPDX-License-Identifier: MIT */
/*
 * bell.c - bell: ring another peer's doorbell by hand.
 *
 * The command attaches to no slot and writes nothing into the memory: it needs the doorbell alone.
 * A peer may be a driver that knows nothing of a region yet, so the number of one that is only
 * connected will do, and a memory that is no region. Names stand in slots, and are looked up there.
 */
#include "app/commands.h"
#include "app/json.h"
#include "app/output.h"
#include "app/status.h"

#include <ivsh/peers.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_MOST 0xffffu            /* an ID is 16 bits: ivshmem-spec, "Device registers" */
#define LOOK_NS UINT64_C(10000000) /* from one look at the server's heartbeat to the next */
#define BUSY_CALLS 256u            /* without a pause: so rarely it checks whether it is to stop */

/* What the user sees of a peer. */
struct target_peer {
	const struct world *world;
	struct transport *transport;
	const char *word; /* as it was given */
	uint32_t id;
	struct ivsh_region region; /* probed */
	bool has_region;
	bool is_slot;          /* the region has a slot of that number: (peer) */
	struct ivsh_peer peer; /* its slot */
	char who[64];          /* "peer 2 (alpha)" */
};

/* Print why the peer gets none. Answers the exit status. */
static int no_peer(const struct target_peer *p, const char *what)
{
	fprintf(stderr, "ivsh: bell: peer %s: %s\n", p->word, what);
	return STATUS_NO_PEER;
}

/* Read the slot of (id): whether there is one, and somebody in it. */
static bool slot_read(struct target_peer *p, uint32_t id)
{
	memset(&p->peer, 0, sizeof(p->peer));
	return p->has_region && ivsh_region_peer(&p->region, id, &p->peer) == 0;
}

/* Who has the name: the lowest slot, as elsewhere. STATUS_DONE, or the exit status after a line. */
static int find_name(struct target_peer *p)
{
	if (!p->has_region)
		return no_peer(p, "names are in a region, and there is none: give a number");
	for (uint32_t i = 0; i < p->region.geometry.slots; i++) {
		if (i == p->transport->mem.self || !slot_read(p, i) ||
		    p->peer.presence != IVSH_PEER_ATTACHED || strcmp(p->peer.name, p->word) != 0)
			continue;
		p->id = i;
		return STATUS_DONE;
	}
	return no_peer(p, "nobody of that name is here: ivsh ls shows who is there");
}

/*
 * Whether the server says that nobody is there. What a server wrote that has ended, or that another
 * one wrote who writes nothing, says nothing of now: only one whose heartbeat moves is believed.
 */
static bool is_unconnected(struct target_peer *p)
{
	const struct world *world = p->world;
	uint32_t heartbeat = p->region.server_heartbeat;
	uint64_t start_ns = world->now_ns();

	while (p->region.server_epoch != 0 && p->peer.connection != IVSH_CONNECTION_UP) {
		if (p->region.server_heartbeat != heartbeat)
			return true;
		if (world->stopped() || world->now_ns() - start_ns >= IVSH_HEARTBEAT_LIMIT_NS)
			return false;
		world->nap(LOOK_NS);
		(void)slot_read(p, p->id);
	}
	return false;
}

/* Who is meant. STATUS_DONE, or the exit status after a line. */
static int find(struct target_peer *p)
{
	uint64_t number;
	int status = STATUS_DONE;

	if (options_number(p->word, 0, UINT64_MAX, &number)) {
		if (number > ID_MOST)
			return no_peer(p, "an ID is a number from 0 to 65535");
		p->id = (uint32_t)number;
	} else {
		status = find_name(p);
	}
	if (status != STATUS_DONE)
		return status;
	if (p->id == p->transport->mem.self)
		return no_peer(p, "that is our own ID: no other peer has it");
	p->is_slot = slot_read(p, p->id);
	if (p->is_slot && is_unconnected(p))
		return no_peer(p, "not connected: ivsh ls shows who is there");
	if (p->is_slot && p->peer.presence == IVSH_PEER_ATTACHED && p->peer.name[0])
		snprintf(p->who, sizeof(p->who), "peer %" PRIu32 " (%s)", p->id, p->peer.name);
	else
		snprintf(p->who, sizeof(p->who), "peer %" PRIu32, p->id);
	return STATUS_DONE;
}

/*
 * Whether the peer has the vector. A host knows what the server has sent; a guest what the peer
 * says in its slot, and nothing of one that polls, or has not attached. STATUS_DONE, or the exit
 * status after a line.
 */
static int check(struct target_peer *p, uint32_t vector)
{
	uint32_t vectors = 0;
	bool is_known = p->world->vectors && p->world->vectors(p->transport, p->id, &vectors);

	if (is_known && vectors == 0)
		return no_peer(p, "not connected, or without doorbells");
	if (!is_known && p->is_slot && p->peer.presence == IVSH_PEER_ATTACHED)
		vectors = p->peer.vectors;
	if (vectors == 0 || vector < vectors)
		return STATUS_DONE;
	fprintf(stderr, "ivsh: bell: --vector=%" PRIu32 ": %s has vectors 0 to %" PRIu32 "\n",
	    vector, p->who, vectors - 1);
	return STATUS_FAILED;
}

/* The pause between two doorbells. False: the user has stopped it. */
static bool pause_for(const struct world *world, uint64_t ns)
{
	uint64_t end_ns = world->now_ns() + ns, now;

	while (!world->stopped()) {
		now = world->now_ns();
		if (now >= end_ns)
			return true;
		world->nap(end_ns - now < world->check_ns ? end_ns - now : world->check_ns);
	}
	return false;
}

/* Send --count doorbells, 0: for ever. How many it sent; *stopped: the user ended it. */
static uint64_t send_doorbells(const struct target_peer *p, const struct options *o, bool *stopped)
{
	const struct ivsh_doorbell *doorbell = &p->transport->mem.doorbell;
	uint64_t done = 0;

	while (o->count == 0 || done < o->count) {
		if (done != 0 && o->interval_ns != 0)
			*stopped = !pause_for(p->world, o->interval_ns);
		else if (done % BUSY_CALLS == 0)
			*stopped = p->world->stopped();
		if (*stopped)
			break;
		doorbell->notify(doorbell->ctx, p->id, o->vector);
		done++;
	}
	return done;
}

static void sent_json(const struct target_peer *p, const struct options *o, uint64_t doorbells)
{
	bool has_name = p->is_slot && p->peer.presence == IVSH_PEER_ATTACHED && p->peer.name[0];
	struct json json;

	json_begin(&json, "sent");
	json_text(&json, "command", "bell");
	json_u64(&json, "peer", p->id);
	json_text(&json, "peer_name", has_name ? p->peer.name : NULL);
	json_u64(&json, "vector", o->vector);
	json_u64(&json, "doorbells", doorbells);
	json_end(&json);
}

static int bell_peer(struct target_peer *p, const struct options *o)
{
	uint64_t done;
	bool stopped = false;
	int status = find(p);

	if (status == STATUS_DONE)
		status = check(p, o->vector);
	if (status != STATUS_DONE)
		return status;
	done = send_doorbells(p, o, &stopped);
	if (o->json)
		sent_json(p, o, done);
	else
		printf("bell: %s, vector %" PRIu32 ": sent %" PRIu64 " doorbell%s\n", p->who,
		    o->vector, done, done == 1 ? "" : "s");
	if (!stopped || o->count == 0)
		return STATUS_DONE;
	fprintf(stderr, "ivsh: stopped\n");
	return STATUS_STOPPED;
}

int bell_run(const struct world *world, const struct options *o)
{
	/* It takes no interrupts; and a file, which has no doorbell, need not be given a slot. */
	struct options own = *o;
	struct ivsh_attach attach = {0};
	struct transport transport;
	struct target_peer p = {.world = world, .transport = &transport, .word = o->word[1]};
	int status;

	if (!*p.word) {
		fprintf(stderr, "ivsh: bell: peer \"\": no name: give an ID or a name\n");
		return STATUS_USAGE;
	}
	own.wait = IVSH_WAIT_POLL;
	own.slot = 0;
	status = world->open(&transport, 0, &own);
	if (status != STATUS_DONE)
		return status;
	if (transport.mem.doorbell.notify) {
		p.has_region = ivsh_region_probe(&p.region, &transport.mem, &attach) == 0;
		status = bell_peer(&p, o);
	} else {
		fprintf(stderr,
		    "ivsh: bell: %s: no doorbells here: they need a server, and ivshmem-doorbell\n",
		    transport.object);
		status = STATUS_FAILED;
	}
	world->close(&transport);
	return status;
}
