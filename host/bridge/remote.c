/* SPDX-License-Identifier: MIT */
/*
 * remote.c - a peer of another host: its slot here, while it is there.
 */
#include "bridge/remote.h"
#include "bridge/descriptors.h"
#include "bridge/events.h"
#include "bridge/far.h"
#include "bridge/near.h"
#include "process/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS UINT64_C(250000000)
#define DESCRIPTORS_LEFT 64u /* for files, connections to the bus, and who asks for the status */
#define COUNT_NS UINT64_C(100000000) /* between two counts of those that are in use */
#define LINGER_NS UINT64_C(1000000000)
#define FOREIGN_NS UINT64_C(5000000000)

/* Attaching takes a tenth of a second, or 5 s where a server hangs: another thread does it. */
struct slot_opening {
	struct opening opening;
	char *place, *peer;
	uint32_t slot;
	/* Of the remote peer that it is attached for. Peers see the slot before the loop has it:
	 * where another incarnation has begun since, they are to see that, too. */
	uint32_t incarnation;
	int error;
	struct ivsh_host *host;
};

static struct slot_opening *slot_of(struct opening *opening)
{
	return (struct slot_opening *)(void *)opening;
}

static void slot_open(struct opening *opening)
{
	struct slot_opening *o = slot_of(opening);

	o->error = ivsh_host_open(&o->host, o->place, o->peer, IVSH_HOST_STAY, o->slot);
}

static void slot_close(struct opening *opening)
{
	struct slot_opening *o = slot_of(opening);

	ivsh_host_close(o->host);
	free(o->place);
	free(o->peer);
	free(o);
}

static int pair_make(struct bridge *b, struct remote *r, struct pair *p, uint32_t number)
{
	const struct config_local *local = &b->config->local[number];
	char name[4 * SUBJECT_NAME];

	p->remote = r;
	p->slot = local->slot;
	p->last = &p->first;
	strcpy(p->out.region, b->config->region);
	strcpy(p->out.host, b->config->host);
	strcpy(p->out.peer, local->name);
	strcpy(p->out.to_host, r->config.host);
	strcpy(p->out.to_peer, r->config.peer);
	p->in = (struct subject_pair){{0}, {0}, {0}, {0}, {0}};
	strcpy(p->in.region, p->out.region);
	strcpy(p->in.host, p->out.to_host);
	strcpy(p->in.peer, p->out.to_peer);
	strcpy(p->in.to_host, p->out.host);
	strcpy(p->in.to_peer, p->out.peer);
	/* No name has a dot in it. */
	snprintf(name, sizeof(name), "%s.%s.%s", local->name, r->config.host, r->config.peer);
	if (state_open(&p->state, b->folder, name))
		return -1;
	p->is_unsure = p->state.far.is_begun != 0;
	near_begin(p);
	/* Until the other bridge says how its messages come. */
	p->takes_kept = pair_is_kept(p) || p->state.far.sequence != 0;
	return 0;
}

struct remote *remote_make(struct bridge *b, const struct config_remote *config)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r)
		r->pairs = calloc(b->config->local_count, sizeof(*r->pairs));
	if (!r || !r->pairs) {
		log_failure(config->peer, "out of memory");
		free(r);
		return NULL;
	}
	r->config = *config;
	for (; r->pair_count < b->config->local_count; r->pair_count++)
		if (pair_make(b, r, &r->pairs[r->pair_count], r->pair_count))
			break;
	snprintf(r->pattern, sizeof(r->pattern), "ivsh.%s.%s.%s.*.%s.*", b->config->region,
	    config->host, config->peer, b->config->host);
	if (r->pair_count == b->config->local_count && bus_subscribe(b->bus, r->pattern) == 0)
		return r;
	remote_free(b, r);
	return NULL;
}

static void pair_end(struct pair *p)
{
	far_clear(p);
	events_pair(p, SAY_ALL);
	state_close(&p->state);
}

/* The pair of (r) for this local peer, that has not moved; NULL: it had none. */
static struct pair *pair_last(struct remote *r, const struct config_local *local)
{
	for (uint32_t i = 0; i < r->pair_count; i++) {
		struct pair *p = &r->pairs[i];

		if (p->remote && p->slot == local->slot && strcmp(p->out.peer, local->name) == 0)
			return p;
	}
	return NULL;
}

int remote_locals(struct bridge *b, struct remote *r)
{
	const struct config *c = b->config;
	struct pair *pairs = calloc(c->local_count, sizeof(*pairs)), *last;
	int error = 0;

	if (!pairs)
		return log_failure(r->config.peer, "out of memory");
	for (uint32_t i = 0; i < c->local_count; i++) {
		last = pair_last(r, &c->local[i]);
		if (!last)
			continue;
		pairs[i] = *last;
		if (!pairs[i].first)
			pairs[i].last = &pairs[i].first;
		last->remote = NULL;
	}
	/* Before others begin: the same name may have another slot, and has the same file. */
	for (uint32_t i = 0; i < r->pair_count; i++)
		if (r->pairs[i].remote)
			pair_end(&r->pairs[i]);
	free(r->pairs);
	r->pairs = pairs;
	r->pair_count = c->local_count;
	for (uint32_t i = 0; i < c->local_count && !error; i++) {
		if (pairs[i].remote)
			continue;
		error = pair_make(b, r, &pairs[i], i);
		if (error || !r->host)
			continue;
		near_attach(&pairs[i]);
		far_attach(&pairs[i]);
	}
	return error;
}

void remote_config(struct remote *r, const struct config_remote *config)
{
	bool is_other = r->config.mode != config->mode;

	r->config = *config;
	for (uint32_t i = 0; is_other && i < r->pair_count; i++)
		near_change(&r->pairs[i]);
}

static void detach(struct remote *r, const char *reason)
{
	if (!r->host)
		return;
	ivsh_host_close(r->host);
	r->host = NULL;
	event_detach(r, reason);
}

void remote_free(struct bridge *b, struct remote *r)
{
	detach(r, "end");
	events_remote(r, SAY_ALL);
	if (r->next)
		opener_drop(&r->next->opening);
	bus_unsubscribe(b->bus, r->pattern);
	for (uint32_t i = 0; i < r->pair_count; i++)
		pair_end(&r->pairs[i]);
	free(r->pairs);
	free(r);
}

/* Room for a frame and the largest message of this region. */
static int scratch_grow(struct bridge *b, size_t size)
{
	uint8_t *bytes;

	if (size <= b->scratch_size)
		return 0;
	bytes = realloc(b->scratch, size);
	if (!bytes)
		return -1;
	b->scratch = bytes;
	b->scratch_size = size;
	return 0;
}

static const char *place_of(const struct bridge *b, const struct remote *r)
{
	return r->config.socket ? r->config.socket : b->config->place;
}

/* Where it fails on, one of the next says it. (is_other): perhaps another slot is given. */
static void attach_failed(
    const struct bridge *b, struct remote *r, const char *reason, bool is_other, uint64_t now)
{
	char hint[160] = "";

	if (r->is_reported || (r->failed_ns != 0 && now - r->failed_ns < SAY_NS))
		return;
	if (is_other && !b->config->is_file)
		snprintf(hint, sizeof(hint),
		    " hint=\"the server gives slot %u at a socket, --slot %u=PATH: socket=PATH\"",
		    r->config.slot, r->config.slot);
	log_event("event=attach-failed slot=%u peer=%s/%s place=%s reason=\"%s\"%s", r->config.slot,
	    r->config.host, r->config.peer, place_of(b, r), reason, hint);
	r->is_reported = true;
	r->failed_ns = now;
}

/*
 * Whether there are descriptors for one more slot's connection: two of each slot, or as many as
 * those have that stand. Where they run out, those of a server's message are missing in the
 * connections that stand, too, and each of these ends.
 */
static bool has_descriptors(struct bridge *b, uint64_t now)
{
	uint32_t attached = 0, opening = 0, slots = 0, each;

	for (uint32_t i = 0; i < b->remote_count; i++) {
		attached += b->remotes[i]->host != NULL;
		opening += b->remotes[i]->next != NULL;
	}
	if (b->look.open)
		slots = b->look.open->region.geometry.slots;
	/* Many begin at one moment: what those take that are being opened is counted anyway. */
	if (attached != b->used_attached || now - b->used_ns >= COUNT_NS) {
		b->used = descriptors_used(b->descriptors);
		b->used_attached = attached;
		b->used_ns = now;
	}
	each = attached ? b->used / attached : 2 * slots;
	return b->used + (uint64_t)(opening + 1) * each + DESCRIPTORS_LEFT <= b->descriptors;
}

/* (incarnation): of the remote peer; 0: it is not there, but something of it is to be delivered. */
static void attach_begin(struct bridge *b, struct remote *r, uint32_t incarnation, uint64_t now)
{
	struct slot_opening *o;

	if (now < r->retry_ns)
		return;
	r->retry_ns = now + RETRY_NS;
	r->is_gone = false;
	if (!has_descriptors(b, now)) {
		char reason[96];

		snprintf(reason, sizeof(reason),
		    "%" PRIu64 " descriptors are too few: raise ulimit -n, or LimitNOFILE=",
		    b->descriptors);
		attach_failed(b, r, reason, false, now);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (o) {
		o->opening = (struct opening){.open = slot_open, .close = slot_close};
		o->place = strdup(place_of(b, r));
		o->peer = strdup(r->config.peer);
		o->slot = r->config.slot;
		o->incarnation = incarnation;
	}
	if (o && o->place && o->peer && opener_begin(&o->opening) == 0) {
		r->next = o;
		return;
	}
	if (o)
		slot_close(&o->opening);
	attach_failed(b, r, "no memory, or no thread, is left", false, now);
}

/* The remote peer's own, which its messages name: before any of them is passed on. SPEC R5.16 */
static void incarnation_set(struct remote *r, uint32_t incarnation)
{
	struct ivsh_node *node = ivsh_host_node(r->host);

	r->incarnation = incarnation;
	if (node && ivsh_region_origin(&node->region, incarnation)) {
		/* The slot is lost: the next look at the host says so. */
	}
}

/* The slot is ours, or it is known why not. */
static void attach_end(struct bridge *b, struct remote *r, uint64_t now)
{
	struct slot_opening *o = r->next;

	r->next = NULL;
	r->retry_ns = now + RETRY_NS;
	if (o->error ||
	    scratch_grow(b, FRAME_SIZE + FRAME_LENGTH + (size_t)ivsh_host_max(o->host))) {
		attach_failed(b, r, o->error ? ivsh_host_error(o->host) : "out of memory",
		    o->error == IVSH_EINVAL, now);
		slot_close(&o->opening);
		return;
	}
	r->host = o->host;
	r->is_armed = false;
	incarnation_set(r, o->incarnation);
	o->host = NULL;
	slot_close(&o->opening);
	r->is_reported = false;
	r->attaches++;
	r->attached_ns = now;
	r->offered_count = 0;
	for (uint32_t i = 0; i < r->pair_count; i++) {
		near_attach(&r->pairs[i]);
		far_attach(&r->pairs[i]);
	}
	event_attach(r);
}

/* Offer what the remote peer offers. What it offers no longer stays until its next incarnation. */
static void services_offer(struct remote *r)
{
	for (uint32_t i = 0; i < r->service_count; i++) {
		const struct ivsh_service *s = &r->services[i];
		uint32_t k = 0;

		while (k < r->offered_count && strcmp(r->offered[k].name, s->name) != 0)
			k++;
		if (k == FRAME_SERVICES ||
		    (k < r->offered_count && r->offered[k].port == s->port) ||
		    ivsh_host_offer(r->host, s->name, s->port))
			continue;
		r->offered[k] = *s;
		if (k == r->offered_count)
			r->offered_count++;
	}
}

/* Take all events. False: the slot, or the region, is lost. */
static bool events_take(struct remote *r)
{
	uint32_t kind, slot;
	int error;

	while ((error = ivsh_host_next_event(r->host, &kind, &slot, 0)) == 0) {
		if (kind == IVSH_HOST_EVENT_DISCONNECTED)
			return false;
		if (kind != IVSH_PEER_EVENT_UP && kind != IVSH_PEER_EVENT_RESTARTED)
			continue;
		for (uint32_t i = 0; i < r->pair_count; i++)
			if (r->pairs[i].slot == slot)
				r->pairs[i].resets = 0;
	}
	return error == IVSH_EAGAIN;
}

/* Messages of local peers wait here for a pair that the other bridge does not have. */
static void unnamed_log(struct remote *r, uint64_t now)
{
	for (uint32_t i = 0; i < r->pair_count; i++) {
		struct pair *p = &r->pairs[i];
		bool is_named = pair_is_named(p);

		if (!is_named && p->is_peeked && !p->is_unnamed_reported &&
		    now - r->attached_ns >= STATE_LIMIT_NS) {
			p->is_unnamed_reported = true;
			log_event(
			    "event=unnamed local=%u name=%s slot=%u peer=%s/%s reason=\"the bridge "
			    "of %s has no slot for %s: its messages stay in the ring\"",
			    p->slot, p->out.peer, r->config.slot, r->config.host, r->config.peer,
			    r->config.host, p->out.peer);
		}
		p->is_unnamed_reported &= !is_named;
	}
}

/* Its socket may be another region's, where none of our local peers is. That of a region which was
 * made anew is ours as soon as we have seen that. */
static void foreign_log(struct bridge *b, struct remote *r, uint64_t now)
{
	struct ivsh_node *node = ivsh_host_node(r->host);

	if (!node || !b->look.open || node->region.format_id == b->look.open->region.format_id) {
		r->is_foreign = false;
		return;
	}
	if (r->is_foreign || now - r->attached_ns < FOREIGN_NS)
		return;
	r->is_foreign = true;
	log_event("event=warning what=region slot=%u peer=%s/%s place=%s hint=\"it is of another "
		  "region than %s: no local peer is there\"",
	    r->config.slot, r->config.host, r->config.peer, place_of(b, r), b->config->place);
}

void remote_step(struct bridge *b, struct remote *r, uint64_t now)
{
	bool is_present = false, is_gone = false, has_more = false, has_waiting = false;
	uint32_t incarnation = 0;

	events_remote(r, now);
	/* All say the same, but one may say it a moment later: the first one counts. */
	for (uint32_t i = r->pair_count; i-- > 0;) {
		struct pair *p = &r->pairs[i];

		has_waiting |= p->first != NULL;
		if (!pair_is_heard(p, now))
			continue;
		has_more |= far_is_behind(p, now);
		has_more |= (p->heard.flags & FRAME_MORE) != 0;
		is_present = (p->heard.flags & FRAME_PRESENT) != 0;
		is_gone = !is_present;
		incarnation = p->heard.incarnation;
	}
	if (r->next && opener_is_done(&r->next->opening))
		attach_end(b, r, now);
	if (r->host && !events_take(r))
		detach(r, "region");
	/* In another memory incarnations begin at 1 again: the same one may be another. */
	r->is_gone |= is_gone;
	if (r->host && is_present && r->incarnation &&
	    (incarnation != r->incarnation || r->is_gone))
		detach(r, "restarted");
	if (has_more || has_waiting)
		r->wanted_ns = now;
	/* What a peer has sent that is not there any more may come bit by bit. */
	if (r->host && !is_present && now - r->wanted_ns > (r->incarnation ? 0 : LINGER_NS))
		detach(r, !r->incarnation ? "delivered" : incarnation ? "down" : "silent");
	if (!r->host && !r->next && (is_present || has_more || has_waiting))
		attach_begin(b, r, is_present ? incarnation : 0, now);
	if (!r->host || !is_present)
		return;
	/* It was attached for messages of the last one. */
	if (!r->incarnation) {
		incarnation_set(r, incarnation);
		r->is_gone = false;
		event_attach(r);
	}
	services_offer(r);
	unnamed_log(r, now);
	foreign_log(b, r, now);
}

void remote_strangers(struct bridge *b, struct remote *r)
{
	struct ivsh_node *node = ivsh_host_node(r->host);

	for (uint32_t slot = 0; node && slot < node->slots; slot++) {
		struct ivsh_chan *ch = ivsh_node_channel(node, slot);
		struct ivsh_message m;
		bool is_named = !ch;

		for (uint32_t i = 0; i < b->config->local_count; i++)
			is_named |= b->config->local[i].slot == slot;
		/* It is peeked, and so ends no sleep. */
		if (is_named || ivsh_chan_peek(ch, &m) || r->unmapped[slot])
			continue;
		r->unmapped[slot] = true;
		log_event("event=unmapped slot=%u to=%u reason=\"no local %u = NAME: its messages "
			  "stay in the ring\"",
		    slot, r->config.slot, slot);
	}
}
