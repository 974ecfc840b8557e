/* SPDX-License-Identifier: MIT */
/*
 * session.c - a command's stay in the region: the channels, and who is there.
 */
#include "peer/session.h"
#include "peer/join.h"
#include "peer/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int session_tables(struct session *s)
{
	s->slots = s->region.geometry.slots;
	s->max = s->region.geometry.large_size;
	s->chan = calloc(s->slots, sizeof *s->chan);
	s->records = calloc((size_t)s->slots * s->region.geometry.descs, sizeof *s->records);
	s->peer = calloc(s->slots, sizeof *s->peer);
	s->told = calloc(s->slots, sizeof *s->told);
	if (s->chan && s->records && s->peer && s->told)
		return 0;
	fprintf(stderr, "ivsh: no memory for %" PRIu32 " channels\n", s->slots);
	return -1;
}

int session_open(struct session *s, const struct options *options, uint64_t patience_ns)
{
	memset(s, 0, sizeof *s);
	s->options = options;
	s->port = options->port;
	s->status = STATUS_FAILED;
	s->partner = IVSH_SELF_NONE;
	s->patience_ns = options->timeout_given ? options->timeout_ns : patience_ns;
	if (options->file && options->slot == IVSH_SELF_NONE) {
		fprintf(stderr,
		    "ivsh: -f: nobody gives slots here: add --slot N, another N for each"
		    " peer\n");
		s->status = STATUS_USAGE;
		return -1;
	}
	if (getrandom(&s->nonce, sizeof s->nonce, 0) != (ssize_t)sizeof s->nonce) {
		fprintf(stderr, "ivsh: getrandom: %s\n", strerror(errno));
		return -1;
	}
	s->status = join_doorway(&s->client, options);
	if (s->status != STATUS_DONE)
		return -1;
	s->status = STATUS_FAILED;
	stop_listen();
	if (join_region(&s->region, &s->client, options, s->nonce)) {
		if (stop_signal())
			s->status = STATUS_STOPPED;
		client_close(&s->client);
		return -1;
	}
	if (session_tables(s)) {
		session_close(s);
		return -1;
	}
	return 0;
}

void session_close(struct session *s)
{
	for (uint32_t i = 0; s->chan && i < s->slots; i++)
		if (s->chan[i].region)
			ivsh_chan_close(&s->chan[i]);
	ivsh_region_detach(&s->region);
	client_close(&s->client);
	free(s->chan);
	free(s->records);
	free(s->peer);
	free(s->told);
}

int session_channel(struct session *s, uint32_t slot)
{
	uint32_t descs = s->region.geometry.descs;
	int error;

	if (s->chan[slot].region)
		return s->chan[slot].dead ? -1 : 0;
	error = ivsh_chan_open(
	    &s->chan[slot], &s->region, slot, s->records + (size_t)slot * descs, descs);
	if (error)
		session_failed(s, slot, error);
	return error ? -1 : 0;
}

void session_channels(struct session *s)
{
	for (uint32_t i = 0; i < s->slots; i++)
		if (i != s->region.mem.self)
			(void)session_channel(s, i);
}

static const struct ivsh_peer *session_peer(struct session *s, uint32_t slot)
{
	if (ivsh_region_peer(&s->region, slot, &s->peer[slot]))
		memset(&s->peer[slot], 0, sizeof s->peer[slot]);
	return &s->peer[slot];
}

const char *session_who(struct session *s, uint32_t slot)
{
	static char text[64];
	const struct ivsh_peer *peer = session_peer(s, slot);

	if (peer->name[0])
		snprintf(text, sizeof text, "slot %" PRIu32 " (%s)", slot, peer->name);
	else
		snprintf(text, sizeof text, "slot %" PRIu32, slot);
	return text;
}

void session_failed(struct session *s, uint32_t slot, int error)
{
	if (s->told[slot])
		return;
	s->told[slot] = true;
	fprintf(stderr, "ivsh: channel to %s: %s\n", session_who(s, slot), ivsh_error_text(error));
}

bool session_peek(struct session *s, uint32_t slot, struct ivsh_message *message)
{
	int error;

	if (slot == s->region.mem.self || !s->chan[slot].region)
		return false;
	error = ivsh_chan_peek(&s->chan[slot], message);
	/* That the whole slot is lost shows in session_idle(). A peer that breaks the channel again
	 * and again has one reset for each round over all channels. */
	if (error == IVSH_EPROTO) {
		int reset = ivsh_chan_reset(&s->chan[slot]);

		session_failed(s, slot, error);
		s->told[slot] = reset != 0;
	}
	return !error;
}

int session_offer(struct session *s, const char *name)
{
	int error = ivsh_region_offer(&s->region, name, s->port);

	if (error)
		fprintf(stderr, "ivsh: service %s: %s\n", name, ivsh_error_text(error));
	return error ? -1 : 0;
}

/* The attached peer that is meant: its slot, or -1. (number) is a slot's, if (is_number). */
static int session_peer_match(
    struct session *s, const char *wanted, bool is_number, uint64_t number)
{
	for (uint32_t i = 0; i < s->slots; i++) {
		const struct ivsh_peer *peer;

		if (i == s->region.mem.self || (is_number && i != number))
			continue;
		peer = session_peer(s, i);
		if (peer->presence == IVSH_PEER_ATTACHED &&
		    (is_number || !strcmp(peer->name, wanted)))
			return (int)i;
	}
	return -1;
}

/* What PEER says. */
struct session_wanted {
	char peer[64]; /* a number, or a name; at most 31 characters can be one */
	const char *service;
	bool is_number;
	uint64_t number;
};

/* The peer, with its service if one is wanted: its slot, or -1: not yet. */
static int session_match(struct session *s, const char *text, const struct session_wanted *w)
{
	/* A colon may belong to a name. */
	int slot = w->is_number ? -1 : session_peer_match(s, text, false, 0);

	if (slot >= 0)
		return slot;
	slot = session_peer_match(s, w->peer, w->is_number, w->number);
	if (slot >= 0 && w->service &&
	    ivsh_region_port(&s->region, (uint32_t)slot, w->service, &s->port))
		return -1;
	return slot;
}

int session_find(struct session *s, const char *wanted)
{
	const char *colon = strrchr(wanted, ':');
	struct session_wanted w = {.service = colon ? colon + 1 : NULL};
	uint64_t number;
	bool is_number;
	int slot;

	snprintf(w.peer, sizeof w.peer, "%.*s", colon ? (int)(colon - wanted) : (int)strlen(wanted),
	    wanted);
	is_number = w.is_number = options_number(w.peer, 0, UINT64_MAX, &w.number);
	number = w.number;
	if (is_number && (number >= s->slots || number == s->region.mem.self)) {
		fprintf(stderr,
		    "ivsh: peer %s: not another's slot: there are 0 to %" PRIu32
		    ", and we are in %" PRIu32 "\n",
		    wanted, s->slots - 1, s->region.mem.self);
		s->status = STATUS_NO_PEER;
		return -1;
	}
	session_await(s, IVSH_SELF_NONE, "peer %s: ivsh ls shows who is there", wanted);
	while ((slot = session_match(s, wanted, &w)) < 0)
		if (!session_idle(s)) {
			if (s->status == STATUS_TIMEOUT)
				s->status = STATUS_NO_PEER;
			return -1;
		}
	return session_channel(s, (uint32_t)slot) ? -1 : slot;
}
