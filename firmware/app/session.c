/* SPDX-License-Identifier: MIT */
/*
 * session.c - a command's stay in a region: the transport, the channels, and who is there.
 */
#include "app/session.h"

#include "app/console.h"
#include "app/refuse.h"
#include "app/stay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_NS UINT64_C(5000000000) /* for slot 0 to come and format; SPEC R3.5 */
#define PROBE_NS UINT64_C(10000000)    /* from one probe for that to the next */
/* These are no errors of the library's. */
#define NO_MEMORY 1
#define NO_SLOT 2 /* of --send-only or --receive-only */

int session_self(struct session *s)
{
	struct ivsh_mem *mem = &s->transport.mem;
	uint32_t wanted = s->options->slot;

	if (mem->self == IVSH_SELF_NONE && wanted == IVSH_SELF_NONE)
		return refuse_slotless(s->transport.object);
	if (mem->self == IVSH_SELF_NONE) {
		mem->self = wanted;
	} else if (wanted != IVSH_SELF_NONE && wanted != mem->self) {
		fprintf(stderr, "ivsh: --slot=%" PRIu32 ": %s slot %" PRIu32 ": leave --slot out\n",
		    wanted,
		    s->transport.claims ? "the part that this guest can write is that of"
					: "the server gave",
		    mem->self);
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

/* Whether another peer can be expected to format the memory: slot 0, if any region fits. */
static bool is_formattable(const struct ivsh_mem *mem)
{
	const struct ivsh_geometry smallest = {
	    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_DESCS_MIN, IVSH_WIRE_AREA_MIN, IVSH_WIRE_AREA_MIN, 0};
	uint64_t least;

	return mem->self != 0 && ivsh_geometry_size(&smallest, &least) == 0 && mem->size >= least;
}

/* Whether the device is still there, and is not to leave. */
static bool is_staying(const struct session *s)
{
	struct transport t = s->transport;

	return !s->world->state || s->world->state(&t) == WORLD_STAYS;
}

/*
 * Wait for up to (timeout_ns) for another peer to format the memory, if one can. Errors as
 * ivsh_region_probe().
 */
static int format_await(const struct session *s, struct ivsh_attach *attach, uint64_t timeout_ns)
{
	const struct ivsh_mem *mem = &s->transport.mem;
	const struct ivsh_doorbell *doorbell = &mem->doorbell;
	uint64_t start = doorbell->now_ns(doorbell->ctx), now = start;
	struct ivsh_region region;
	bool waits = is_formattable(mem);
	int error;

	while ((error = ivsh_region_probe(&region, mem, attach)) == IVSH_ENODEV && waits &&
	       now - start < timeout_ns && !s->world->stopped() && is_staying(s)) {
		doorbell->sleep(doorbell->ctx, doorbell->count(doorbell->ctx), now + PROBE_NS);
		now = doorbell->now_ns(doorbell->ctx);
	}
	return error;
}

/* Open the node in a block of its size. Answers the library's error, or that there is no memory. */
static int node_open(struct session *s, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	const struct options *o = s->options;
	struct ivsh_node_options options = {
	    .name = o->name,
	    .flags = (s->transport.claims ? IVSH_NODE_SLOT : 0u) |
		     (s->transport.formats ? 0u : IVSH_NODE_NO_FORMAT) |
		     (o->discard ? IVSH_NODE_DISCARD : 0u) |
		     (o->wait == IVSH_WAIT_POLL ? IVSH_NODE_POLL : 0u),
	    .slot = s->transport.mem.self,
	    .slots = o->slots,
	    .timeout_ns = 1, /* format_await() has waited */
	    .one_way = o->one_way,
	    .one_way_count = IVSH_WIRE_SLOTS_MAX,
	};
	uint64_t size = 0;
	int error = ivsh_node_size(mem, o->slots, &size);

	if (error)
		return error;
	s->block = (size_t)size == size ? malloc((size_t)size) : NULL;
	if (!s->block)
		return NO_MEMORY;
	error = ivsh_node_open(&s->node, s->block, size, mem, &options);
	attach->found_version = options.found_version;
	attach->found_features = options.found_features;
	attach->found_slots = options.found_slots;
	attach->found_magic = options.found_magic;
	attach->need_size = options.need_size;
	return error;
}

/* Whether the region has all slots that are named one-way, and ours is none of them. */
static bool ways_are_good(const struct session *s)
{
	const struct options *o = s->options;

	return o->one_way_slots <= s->slots &&
	       (o->one_way_slots <= s->self || !o->one_way[s->self]);
}

/* Fill in what the region has given us. 0, NO_MEMORY or NO_SLOT. */
static int node_entered(struct session *s)
{
	s->slots = s->node->slots;
	s->self = s->node->self;
	s->max = ivsh_node_max(s->node);
	s->incarnation = s->node->region.incarnation;
	if (!ways_are_good(s)) {
		fprintf(stderr,
		    "ivsh: --send-only, --receive-only: not another's slot: there are 0 to %" PRIu32
		    ", and we are in %" PRIu32 "\n",
		    s->slots - 1, s->self);
		session_leave(s);
		return NO_SLOT;
	}
	free(s->reported);
	s->reported = calloc(s->slots, sizeof(*s->reported));
	if (s->reported)
		return 0;
	session_leave(s);
	return NO_MEMORY;
}

int session_enter(struct session *s, struct ivsh_attach *attach, uint64_t timeout_ns)
{
	const struct transport *t = &s->transport;
	uint64_t need = 0;
	struct ivsh_mem mem = t->mem;
	struct ivsh_geometry geometry;
	int error = format_await(s, attach, timeout_ns ? timeout_ns : UINT64_MAX);

	/* A region that is there already may have fewer slots, and fit where ours would not. */
	if (error == IVSH_ENODEV && !s->world->stopped() && t->formats &&
	    ivsh_geometry_fit(t->mem.size, s->options->slots, &geometry, &need)) {
		error = IVSH_ENOSPC;
		attach->need_size = need;
	}
	if (error == 0 || (error == IVSH_ENODEV && t->formats && t->mem.self == 0)) {
		if (t->claims)
			mem.self = IVSH_SELF_NONE;
		error = node_open(s, &mem, attach);
		if (error)
			session_leave(s);
	}
	if (s->world->entered)
		s->world->entered(t);
	return error ? error : node_entered(s);
}

void session_refused(struct session *s, const struct ivsh_attach *attach, int error)
{
	s->status = STATUS_FAILED;
	if (error == IVSH_ENODEV && s->world->stopped()) {
		fprintf(stderr, "ivsh: stopped\n");
		s->status = STATUS_STOPPED;
	} else if (error == NO_SLOT) {
		s->status = STATUS_USAGE; /* after its line */
	} else if (error == NO_MEMORY) {
		fprintf(stderr, "ivsh: no memory for the channels\n");
	} else {
		refuse_print(s->world, &s->transport, attach, error);
	}
}

/* The first entry. 0; or -1 after a line, with s->status set and nothing left open. */
static int session_begin(struct session *s)
{
	const struct options *o = s->options;
	struct ivsh_attach attach = {0};
	int error;

	s->status = s->world->open(&s->transport, s->place, o);
	if (s->status != STATUS_DONE)
		return -1;
	s->status = session_self(s);
	if (s->status == STATUS_DONE) {
		error = session_enter(
		    s, &attach, o->given & OPTION_TIMEOUT ? o->timeout_ns : FORMAT_NS);
		if (error) {
			session_refused(s, &attach, error);
		} else if (console_enter(s)) {
			session_leave(s);
			s->status = STATUS_FAILED;
		} else {
			return 0;
		}
	}
	s->world->close(&s->transport);
	free(s->reported);
	return -1;
}

int session_open(struct session *s, const struct world *world, const struct options *options,
    uint32_t place, uint64_t patience_ns)
{
	memset(s, 0, sizeof(*s));
	s->world = world;
	s->options = options;
	s->place = place;
	s->port = options->port;
	s->partner = IVSH_SELF_NONE;
	s->patience_ns = options->given & OPTION_TIMEOUT ? options->timeout_ns : patience_ns;
	s->slice_ns = world->check_ns;
	if (!session_ready(s) || session_begin(s))
		return -1;
	s->wait.mode = options->wait;
	s->wait.spin_ns = options->given & OPTION_SPIN ? options->spin_ns : s->transport.spin_ns;
	return 0;
}

void session_leave(struct session *s)
{
	if (s->node) {
		console_leave(s);
		session_counters(s, &s->counters);
		ivsh_node_close(s->node);
		session_metrics_leave(s);
	}
	free(s->block);
	s->node = NULL;
	s->block = NULL;
	s->slots = 0;
}

void session_close(struct session *s)
{
	session_leave(s);
	if (s->state != SESSION_AWAY && s->leaves)
		s->world->release(&s->transport);
	else if (s->state != SESSION_AWAY)
		s->world->close(&s->transport);
	free(s->reported);
	s->reported = NULL;
}

void session_counters(const struct session *s, struct ivsh_counters *counters)
{
	*counters = s->counters;
	if (s->node) {
		/* A slot that is lost has none of ours any more. */
		*counters = s->node->region.counters;
		counters->notifications_suppressed = counters->sent - s->node->region.notified;
	}
}

const struct ivsh_peer *session_peer(struct session *s, uint32_t slot)
{
	return ivsh_node_peer(s->node, slot);
}

const char *session_who(struct session *s, uint32_t slot)
{
	static char text[64];
	const struct ivsh_peer *peer = s->node ? session_peer(s, slot) : NULL;

	if (peer && peer->name[0])
		snprintf(text, sizeof(text), "slot %" PRIu32 " (%s)", slot, peer->name);
	else
		snprintf(text, sizeof(text), "slot %" PRIu32, slot);
	return text;
}

int session_offer(struct session *s, const char *name)
{
	int error = IVSH_EONEWAY;

	/* A service that nobody can ask would wait for ever. */
	for (uint32_t i = 0; i < s->slots; i++)
		if (i != s->self && !session_chan(s, i)->rx.closed)
			error = 0;
	if (!error)
		error = ivsh_node_offer(s->node, name, s->port);
	s->service = name;
	if (error)
		fprintf(stderr, "ivsh: service %s: %s\n", name, ivsh_error_text(error));
	return error ? -1 : 0;
}

/* The parsed word PEER. */
struct wanted {
	const char *text; /* all of it; NULL: any */
	char peer[64];    /* a number, or a name; at most 31 characters can be one */
	const char *service;
	bool is_number;
	uint64_t number;
};

static void wanted_parse(struct wanted *w, const char *text)
{
	const char *colon = text ? strrchr(text, ':') : NULL;

	*w = (struct wanted){.text = text, .service = colon ? colon + 1 : NULL};
	if (!text)
		return;
	snprintf(w->peer, sizeof(w->peer), "%.*s", colon ? (int)(colon - text) : (int)strlen(text),
	    text);
	w->is_number = options_number(w->peer, 0, UINT64_MAX, &w->number);
}

/* Whether slot (slot) is the one that is wanted, and offers the service. */
static bool is_wanted(struct session *s, uint32_t slot, const struct wanted *w)
{
	const struct ivsh_peer *peer = session_peer(s, slot);

	if (slot == s->self || peer->presence != IVSH_PEER_ATTACHED)
		return false;
	/* A colon may belong to a name. */
	if (!w->text || strcmp(peer->name, w->text) == 0)
		return true;
	if (w->is_number ? w->number != slot : strcmp(peer->name, w->peer) != 0)
		return false;
	return !w->service || ivsh_region_port(&s->node->region, slot, w->service, &s->port) == 0;
}

/* The pause between two checks for a new peer, which no doorbell announces. */
#define COMING_NS UINT64_C(5000000)

int session_find(struct session *s, const char *text)
{
	struct ivsh_message unread;
	struct wanted w;

	wanted_parse(&w, text);
	if (text && !w.peer[0]) {
		fprintf(
		    stderr, "ivsh: peer \"%s\": no name: give a slot's number or a name\n", text);
		s->status = STATUS_USAGE;
		return -1;
	}
	if (w.is_number && (w.number >= s->slots || w.number == s->self)) {
		fprintf(stderr,
		    "ivsh: peer %s: not another's slot: there are 0 to %" PRIu32
		    ", and we are in %" PRIu32 "\n",
		    text, s->slots - 1, s->self);
		s->status = STATUS_NO_PEER;
		return -1;
	}
	session_await(s, IVSH_SELF_NONE, "%s%s: ivsh ls shows who is there",
	    text ? "peer " : "a peer", text ? text : "");
	s->slice_ns = COMING_NS;
	for (;;) {
		for (uint32_t i = 0; i < s->slots; i++)
			if (is_wanted(s, i, &w)) {
				s->slice_ns = s->world->check_ns;
				return (int)i;
			}
		for (uint32_t i = 0; i < s->slots; i++)
			(void)session_peek(s, i, &unread);
		if (!session_idle(s)) {
			if (s->status == STATUS_TIMEOUT)
				s->status = STATUS_NO_PEER;
			return -1;
		}
	}
}

bool session_elsewhere(struct session *s, const char *text, uint32_t slot)
{
	struct wanted w;

	if (session_peer(s, slot)->presence == IVSH_PEER_ATTACHED)
		return false;
	wanted_parse(&w, text);
	for (uint32_t i = 0; i < s->slots; i++)
		if (i != slot && is_wanted(s, i, &w))
			return true;
	return false;
}

void session_failed(struct session *s, uint32_t slot, int error)
{
	s->status = STATUS_FAILED;
	if (s->reported[slot])
		return;
	s->reported[slot] = true;
	fprintf(stderr, "ivsh: channel to %s: %s\n", session_who(s, slot), ivsh_error_text(error));
}

bool session_answers(struct session *s, uint32_t slot)
{
	if (ivsh_chan_one_way(session_chan(s, slot)) == 0)
		return true;
	session_failed(s, slot, IVSH_EONEWAY);
	return false;
}

int session_broken(struct session *s, uint32_t slot, int error)
{
	uint32_t entry = s->entries;

	if (!session_check(s))
		return -1;
	if (s->entries != entry)
		return SESSION_ANEW;
	session_failed(s, slot, error);
	return -1;
}

void session_mend(struct session *s, uint32_t slot)
{
	const struct ivsh_region *region = &s->node->region;
	uint32_t moved = region->moved;
	int error;

	/* Of a split region, one whose part is not there was never open: it is not broken. */
	if (slot == s->self || !session_chan(s, slot)->dead || !session_chan(s, slot)->open)
		return;
	error = ivsh_chan_reset(session_chan(s, slot));
	/* That the whole slot is lost, or all was moved, shows in session_idle(). */
	if (session_is_lost(error) || region->moved != moved)
		return;
	session_failed(s, slot, IVSH_EPROTO);
	s->reported[slot] = error != 0;
}

bool session_peek(struct session *s, uint32_t slot, struct ivsh_message *message)
{
	if (slot == s->self)
		return false;
	session_mend(s, slot);
	/* One that breaks now is mended in the next round over all channels. */
	return ivsh_chan_peek(session_chan(s, slot), message) == 0;
}

int session_size(const struct session *s)
{
	if (s->options->size <= s->max)
		return 0;
	fprintf(stderr,
	    "ivsh: %s: --size=%" PRIu32 ": a message of this region has at most %" PRIu32 "\n",
	    s->options->word[0], s->options->size, s->max);
	return -1;
}

int session_send(struct session *s, uint32_t slot, uint16_t port, const void *data, uint32_t size)
{
	uint32_t entry = s->entries;
	int error;

	while ((error = ivsh_node_send(s->node, slot, port, data, size, 0)) == IVSH_EAGAIN ||
	       session_is_lost(error)) {
		if (!session_full(s))
			return -1;
		if (s->entries != entry)
			return SESSION_ANEW;
	}
	return error ? session_broken(s, slot, error) : 0;
}
