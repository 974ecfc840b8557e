/* SPDX-License-Identifier: MIT */
/*
 * session.c - a command's stay in a region: the transport, the channels, and who is there.
 */
#include "app/session.h"

#include "app/refuse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_NS UINT64_C(5000000000) /* for slot 0 to come and format; SPEC R3.5 */

/* Who we are: the transport says so, or the command line has to. 0, or the exit status. */
static int self_choose(const struct session *s, struct ivsh_mem *mem)
{
	uint32_t wanted = s->options->slot;

	if (mem->self == IVSH_SELF_NONE && wanted == IVSH_SELF_NONE)
		return refuse_slotless(s->transport.object);
	if (mem->self == IVSH_SELF_NONE) {
		mem->self = wanted;
	} else if (wanted != IVSH_SELF_NONE && wanted != mem->self) {
		fprintf(stderr,
		    "ivsh: --slot=%" PRIu32 ": the server gave slot %" PRIu32
		    ": leave --slot out\n",
		    wanted, mem->self);
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

/* Attach, waiting for up to (timeout_ns) for somebody to format the memory, and for who stops us. */
static int attach_patiently(struct session *s, struct ivsh_attach *attach, uint64_t timeout_ns)
{
	const struct ivsh_mem *mem = &s->transport.mem;
	uint64_t start = mem->doorbell.now_ns(mem->doorbell.ctx);
	int error;

	attach->timeout_ns = timeout_ns < s->world->check_ns ? timeout_ns : s->world->check_ns;
	do
		error = ivsh_region_attach(&s->region, mem, attach);
	while (error == IVSH_ENODEV && !s->world->stopped() &&
	       mem->doorbell.now_ns(mem->doorbell.ctx) - start < timeout_ns);
	return error;
}

static int region_attach(struct session *s)
{
	const struct options *o = s->options;
	const struct transport *t = &s->transport;
	struct ivsh_attach attach = {
	    .name = o->name,
	    .nonce = ivsh_attach_nonce(&t->mem, t->mem.seed),
	    .claim = t->claims ? ivsh_attach_claim : NULL,
	    .discard = o->discard ? ivsh_attach_discard : NULL,
	};
	uint64_t timeout_ns = o->given & OPTION_TIMEOUT ? o->timeout_ns : FORMAT_NS, need = 0;
	bool fits = ivsh_geometry_fit(t->mem.size, o->slots, &attach.format, &need) == 0;
	int error;

	if (timeout_ns == 0)
		timeout_ns = UINT64_MAX;
	/* A region that is there already may have fewer slots, and fit where ours would not. Slot 0,
	 * if it does not format, has nobody to wait for. */
	attach.formatter = t->formats && fits ? ivsh_attach_format : NULL;
	error =
	    attach_patiently(s, &attach, t->mem.self == 0 && !attach.formatter ? 0 : timeout_ns);
	if (error == IVSH_ENODEV && t->formats && !fits) {
		error = IVSH_ENOSPC;
		attach.need_size = need;
	}
	if (error && s->world->stopped()) {
		fprintf(stderr, "ivsh: stopped\n");
		s->status = STATUS_STOPPED;
	} else if (error) {
		refuse_print(s->world, t, &attach, error);
	}
	return error ? -1 : 0;
}

static int channels_open(struct session *s)
{
	uint32_t descs = s->region.geometry.descs;

	s->self = s->region.mem.self;
	s->slots = s->region.geometry.slots;
	s->max = s->region.geometry.large_size;
	s->chan = calloc(s->slots, sizeof(*s->chan));
	s->records = calloc(s->slots, descs * sizeof(*s->records));
	s->peer = calloc(s->slots, sizeof(*s->peer));
	s->reported = calloc(s->slots, sizeof(*s->reported));
	if (!s->chan || !s->records || !s->peer || !s->reported) {
		fprintf(stderr, "ivsh: no memory for %" PRIu32 " channels\n", s->slots);
		return -1;
	}
	for (uint32_t i = 0; i < s->slots; i++) {
		int error;

		if (i == s->self)
			continue;
		error = ivsh_chan_open(
		    &s->chan[i], &s->region, i, s->records + (size_t)i * descs, descs);
		/* Who receives from it resets it; who needs what was in it says so, and fails. */
		if (error)
			session_failed(s, i, error);
	}
	return 0;
}

int session_open(struct session *s, const struct world *world, const struct options *options,
    uint32_t place, uint64_t patience_ns)
{
	memset(s, 0, sizeof(*s));
	s->world = world;
	s->options = options;
	s->port = options->port;
	s->partner = IVSH_SELF_NONE;
	s->patience_ns = options->given & OPTION_TIMEOUT ? options->timeout_ns : patience_ns;
	s->slice_ns = world->check_ns;
	s->status = world->open(&s->transport, place, options);
	if (s->status != STATUS_DONE)
		return -1;
	s->status = self_choose(s, &s->transport.mem);
	if (s->status == STATUS_DONE) {
		s->status = STATUS_FAILED;
		if (region_attach(s) == 0) {
			s->wait.mode = options->wait;
			s->wait.spin_ns =
			    options->given & OPTION_SPIN ? options->spin_ns : s->transport.spin_ns;
			if (channels_open(s) == 0)
				return 0;
			session_close(s);
			return -1;
		}
	}
	world->close(&s->transport);
	return -1;
}

void session_close(struct session *s)
{
	for (uint32_t i = 0; s->chan && i < s->slots; i++)
		if (s->chan[i].region)
			ivsh_chan_close(&s->chan[i]);
	ivsh_region_detach(&s->region);
	s->world->close(&s->transport);
	free(s->chan);
	free(s->records);
	free(s->peer);
	free(s->reported);
}

const struct ivsh_peer *session_peer(struct session *s, uint32_t slot)
{
	if (ivsh_region_peer(&s->region, slot, &s->peer[slot]))
		memset(&s->peer[slot], 0, sizeof(s->peer[slot]));
	return &s->peer[slot];
}

const char *session_who(struct session *s, uint32_t slot)
{
	static char text[64];
	const struct ivsh_peer *peer = session_peer(s, slot);

	if (peer->name[0])
		snprintf(text, sizeof(text), "slot %" PRIu32 " (%s)", slot, peer->name);
	else
		snprintf(text, sizeof(text), "slot %" PRIu32, slot);
	return text;
}

int session_offer(struct session *s, const char *name)
{
	int error = ivsh_region_offer(&s->region, name, s->port);

	if (error)
		fprintf(stderr, "ivsh: service %s: %s\n", name, ivsh_error_text(error));
	return error ? -1 : 0;
}

/* What PEER says. */
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
	return !w->service || ivsh_region_port(&s->region, slot, w->service, &s->port) == 0;
}

/* What no doorbell announces: a peer comes. */
#define COMING_NS UINT64_C(5000000)

int session_find(struct session *s, const char *text)
{
	struct ivsh_message unread;
	struct wanted w;

	wanted_parse(&w, text);
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

void session_failed(struct session *s, uint32_t slot, int error)
{
	s->status = STATUS_FAILED;
	if (s->reported[slot])
		return;
	s->reported[slot] = true;
	fprintf(stderr, "ivsh: channel to %s: %s\n", session_who(s, slot), ivsh_error_text(error));
}

void session_mend(struct session *s, uint32_t slot)
{
	int error;

	if (slot == s->self || !s->chan[slot].dead)
		return;
	/* That the whole slot is lost shows in session_idle(). */
	error = ivsh_chan_reset(&s->chan[slot]);
	session_failed(s, slot, IVSH_EPROTO);
	s->reported[slot] = error != 0;
}

bool session_peek(struct session *s, uint32_t slot, struct ivsh_message *message)
{
	if (slot == s->self)
		return false;
	session_mend(s, slot);
	/* One that breaks now is mended in the next round over all channels. */
	return ivsh_chan_peek(&s->chan[slot], message) == 0;
}

int session_send(struct session *s, uint32_t slot, uint16_t port, const void *data, uint32_t size)
{
	int error;

	while ((error = ivsh_chan_send(&s->chan[slot], port, data, size)) == IVSH_EAGAIN)
		if (!session_full(s))
			return -1;
	if (error)
		session_failed(s, slot, error);
	return error ? -1 : 0;
}
