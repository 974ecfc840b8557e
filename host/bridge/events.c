/* SPDX-License-Identifier: MIT */
/*
 * events.c - lines of the log that others can cause, a second apart.
 */
#include "bridge/events.h"
#include "process/clock.h"
#include "process/log.h"

#include <inttypes.h>

/* --- Pairs ---------------------------------------------------------------------------------- */

static const char *const reasons[LOSSES] = {
    [LOSS_EPOCH] = "epoch",
    [LOSS_GAP] = "gap",
    [LOSS_TAIL] = "tail",
    [LOSS_NEAR] = "near",
    [LOSS_SIZE] = "size",
    [LOSS_UNREAD] = "unread",
};

static void lost_say(struct pair *p, enum loss loss, uint64_t now)
{
	struct say said = say_take(&p->lines.lost[loss], now);
	char times[32];

	log_event("event=lost from=%s/%s to=%u count=%" PRIu64 " reason=%s%s", p->in.host,
	    p->in.peer, p->slot, said.count, reasons[loss], say_times(times, &said));
}

/* Events that have no more to say than what they are. */
static const struct {
	const char *name, *reason;
} plain[PLAIN_EVENTS] = {
    [PLAIN_RESET] = {"reset", "its ring is damaged"},
    [PLAIN_STOPPED] = {"stopped", "its ring is damaged again and again: nothing is taken from it "
				  "until it starts again"},
    [PLAIN_OVERTAKEN] = {"overtaken", "the other bridge has numbers of messages that were not "
				      "published here: they begin anew"},
};

static void plain_say(struct pair *p, enum plain event, uint64_t now)
{
	struct say said = say_take(&p->lines.plain[event], now);
	char times[32];

	log_event("event=%s local=%u slot=%u peer=%s/%s reason=\"%s\"%s", plain[event].name,
	    p->slot, p->remote->config.slot, p->remote->config.host, p->remote->config.peer,
	    plain[event].reason, say_times(times, &said));
}

/* answer: (size) bytes of the last one; of one that had to wait nothing is left. */
static void refused_say(struct pair *p, const char *answer, size_t size, uint64_t now)
{
	struct say said = say_take(&p->lines.refused, now);
	char times[32];

	log_event("event=consumer-refused from=%s/%s answer=\"%.*s\"%s", p->in.host, p->in.peer,
	    size < 300 ? (int)size : 300, answer, say_times(times, &said));
}

void events_pair(struct pair *p, uint64_t now)
{
	uint64_t left = 0;

	for (uint32_t i = 0; i < LOSSES; i++) {
		if (say_is_due(&p->lines.lost[i], now))
			lost_say(p, (enum loss)i, now);
		left |= p->lines.lost[i].times;
	}
	for (uint32_t i = 0; i < PLAIN_EVENTS; i++) {
		if (say_is_due(&p->lines.plain[i], now))
			plain_say(p, (enum plain)i, now);
		left |= p->lines.plain[i].times;
	}
	if (say_is_due(&p->lines.refused, now))
		refused_say(p, "", 0, now);
	p->lines.is_left = (left | p->lines.refused.times) != 0;
}

void event_lost(struct pair *p, enum loss loss, uint64_t count)
{
	say_add(&p->lines.lost[loss], count);
	events_pair(p, clock_now_ns());
}

void event_plain(struct pair *p, enum plain event)
{
	say_add(&p->lines.plain[event], 0);
	events_pair(p, clock_now_ns());
}

void event_not_taken(struct pair *p, const char *answer, uint64_t now)
{
	if (p->is_refused_reported || (p->refused_ns != 0 && now - p->refused_ns < SAY_NS))
		return;
	log_event("event=refused to=%s/%s from=%u answer=\"%s\"", p->out.to_host, p->out.to_peer,
	    p->slot, answer);
	p->is_refused_reported = true;
	p->refused_ns = now;
}

void event_refused(struct pair *p, const char *answer, size_t size)
{
	uint64_t now = clock_now_ns();

	say_add(&p->lines.refused, 0);
	if (say_is_due(&p->lines.refused, now))
		refused_say(p, answer, size, now);
	events_pair(p, now);
}

/* --- Remote peers --------------------------------------------------------------------------- */

static void attach_say(struct remote *r, uint64_t now)
{
	struct say said = say_take(&r->lines.attach, now);
	char times[32];

	if (said.times && r->lines.incarnation)
		log_event("event=attach slot=%u peer=%s/%s for=peer incarnation=%u%s",
		    r->config.slot, r->config.host, r->config.peer, r->lines.incarnation,
		    say_times(times, &said));
	/* Those of a peer that is gone reach their receivers by its slot, and by nothing else. */
	else if (said.times)
		log_event("event=attach slot=%u peer=%s/%s for=messages%s", r->config.slot,
		    r->config.host, r->config.peer, say_times(times, &said));
}

static void detach_say(struct remote *r, uint64_t now)
{
	struct say said = say_take(&r->lines.detach, now);
	char times[32];

	if (said.times)
		log_event("event=detach slot=%u peer=%s/%s reason=%s%s", r->config.slot,
		    r->config.host, r->config.peer, r->lines.reason, say_times(times, &said));
}

void events_remote(struct remote *r, uint64_t now)
{
	if (!say_is_due(&r->lines.attach, now) && !say_is_due(&r->lines.detach, now))
		return;
	/* Both, so that the last line says how it is. */
	if (!r->host)
		attach_say(r, now);
	detach_say(r, now);
	if (r->host)
		attach_say(r, now);
}

void event_attach(struct remote *r)
{
	say_add(&r->lines.attach, 0);
	r->lines.incarnation = r->incarnation;
	events_remote(r, clock_now_ns());
}

void event_detach(struct remote *r, const char *reason)
{
	say_add(&r->lines.detach, 0);
	r->lines.reason = reason;
	events_remote(r, clock_now_ns());
}

/* --- All ------------------------------------------------------------------------------------ */

void event_unknown(struct bridge *b)
{
	b->unknown++;
	if (!b->is_said)
		say_add(&b->unknown_lines, 1);
	b->is_said = false;
}

void event_payload(struct bridge *b)
{
	say_add(&b->payload_lines, 0);
	events_bridge(b, clock_now_ns());
}

static void unknown_say(struct bridge *b, uint64_t now)
{
	struct say said = say_take(&b->unknown_lines, now);

	log_event("event=unknown count=%" PRIu64
		  " reason=\"messages that no slot is mapped for, or of another form\"",
	    said.count);
}

static void payload_say(struct bridge *b, uint64_t now)
{
	struct say said = say_take(&b->payload_lines, now);
	char times[32];

	log_event("event=warning what=max-payload bytes=%zu hint=\"nats-server takes no larger "
		  "message, and what a bridge says of a peer and its services has up to %u bytes: "
		  "raise max_payload in its configuration\"%s",
	    b->payload, FRAME_STATE_SIZE, say_times(times, &said));
}

void events_bridge(struct bridge *b, uint64_t now)
{
	if (say_is_due(&b->unknown_lines, now))
		unknown_say(b, now);
	if (say_is_due(&b->payload_lines, now))
		payload_say(b, now);
}
