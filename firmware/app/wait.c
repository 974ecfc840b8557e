/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a session with nothing to do.
 *
 * Doorbells announce messages and room. Nothing announces that the program is to stop, that the
 * partner died where no server sees it, or that patience is over: a session checks for these now
 * and then.
 */
#include "app/stay.h"

#include "app/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define BUSY_CALLS 256u /* a command that does not wait checks as rarely whether it is to stop */

void session_await(struct session *s, uint32_t partner, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(s->awaited, sizeof(s->awaited), format, arguments);
	va_end(arguments);
	s->partner = partner;
	if (partner != IVSH_SELF_NONE)
		s->partner_incarnation = session_peer(s, partner)->incarnation;
	s->idle_ns = 0;
	s->checked_ns = 0;
}

/* session_stay() for one of several: when it ends, so does the command, with its status. */
static bool stay(struct session *s, uint32_t i)
{
	if (session_stay(&s[i]))
		return true;
	s->status = s[i].status;
	return false;
}

static bool is_stopped(struct session *s)
{
	if (!s->world->stopped())
		return false;
	if (!s->endless)
		fprintf(stderr, "ivsh: stopped\n");
	s->status = s->endless ? STATUS_DONE : STATUS_STOPPED;
	return true;
}

bool session_busy_all(struct session *s, uint32_t count)
{
	bool checks = ++s->busy_calls % BUSY_CALLS == 0;

	s->idle_ns = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (!session_moved(&s[i])) {
			s->status = s[i].status;
			return false;
		}
		if (checks && !stay(s, i))
			return false;
		if (checks && s[i].node)
			(void)console_round(&s[i]);
	}
	return !checks || !is_stopped(s);
}

bool session_busy(struct session *s)
{
	/* A command of one session never sees it away. */
	return session_busy_all(s, 1) && (s->state == SESSION_HERE || session_check(s));
}

/* Whether the partner can still do what we wait for. Without a server only a good-bye shows. */
static bool partner_is_there(struct session *s)
{
	const struct ivsh_peer *peer;
	const char *what = NULL;
	const char *who;

	if (s->partner == IVSH_SELF_NONE || s->options->keep_going)
		return true;
	who = session_who(s, s->partner);
	peer = &s->node->peers[s->partner];
	if (peer->presence == IVSH_PEER_GONE)
		what = "died";
	else if (peer->presence == IVSH_PEER_ABSENT)
		what = "left";
	/* A living peer stores its slot's words again; only the server knows that it is none. */
	else if (peer->presence == IVSH_PEER_BROKEN && peer->connection == IVSH_CONNECTION_DOWN)
		what = "left or died";
	else if (peer->presence != IVSH_PEER_BROKEN && peer->incarnation != s->partner_incarnation)
		what = "was started again";
	if (what)
		fprintf(stderr, "ivsh: %s: %s meanwhile\n", who, what);
	return !what;
}

/* A message of another than the partner would end each wait at once, unless it was peeked. */
static void peek_others(struct session *s)
{
	struct ivsh_message unread;

	for (uint32_t i = 0; s->partner != IVSH_SELF_NONE && i < s->slots; i++)
		if (i != s->partner)
			(void)session_peek(s, i, &unread);
}

/* Whether it is time to check for events that no doorbell announces. */
static bool is_due(const struct session *s, uint64_t now)
{
	return s->checked_ns == 0 || now - s->checked_ns >= s->world->check_ns;
}

/* Check for such events, if it is time. False after a line: stop waiting. */
static bool check(struct session *s, uint64_t now)
{
	const char *event;

	if (!is_due(s, now))
		return true;
	s->checked_ns = now ? now : 1;
	/* The memory and the doorbells outlive the server. */
	event = s->world->event ? s->world->event(&s->transport) : NULL;
	if (event)
		fprintf(stderr, "ivsh: %s: %s: going on without it\n", s->transport.object, event);
	peek_others(s);
	/* A part of a split region may be formatted late: the node looks for it. */
	if (s->node->parts_out != 0 && ivsh_node_wait(s->node, 0, NULL)) {
		/* A slot that is lost shows in the next call, too. */
	}
	return partner_is_there(s);
}

/* "5 s", "0.25 s". */
static void timeout_print(uint64_t ns, const char *awaited)
{
	unsigned digits = 9;
	uint64_t rest = ns % 1000000000;

	for (; digits > 0 && rest % 10 == 0; digits--)
		rest /= 10;
	fprintf(stderr, "ivsh: timeout: %" PRIu64, ns / 1000000000);
	if (digits > 0)
		fprintf(stderr, ".%0*" PRIu64, (int)digits, rest);
	fprintf(stderr, " s without %s\n", awaited);
}

bool session_may_go_on(struct session *s, uint64_t now, uint64_t *most_ns)
{
	if (s->idle_ns == 0)
		s->idle_ns = now ? now : 1;
	if (is_stopped(s))
		return false;
	s->status = STATUS_FAILED;
	if (s->patience_ns && now - s->idle_ns > s->patience_ns) {
		timeout_print(s->patience_ns, s->awaited);
		s->status = STATUS_TIMEOUT;
		return false;
	}
	if (s->patience_ns && s->patience_ns - (now - s->idle_ns) < *most_ns)
		*most_ns = s->patience_ns - (now - s->idle_ns) + 1;
	return true;
}

/* The sessions that are attached, as ivsh_regions_wait() takes them. */
struct present {
	struct session *session[WORLD_PLACES];
	struct ivsh_region *region[WORLD_PLACES];
	uint32_t events[WORLD_PLACES];
	uint32_t count;
};

/* Look after all sessions, and list those that are attached. False: it is over. */
static bool present_find(struct present *p, struct session *s, uint32_t count, uint64_t now)
{
	p->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (is_due(&s[i], now) && !stay(s, i))
			return false;
		if (s[i].state != SESSION_HERE)
			continue;
		if (!check(&s[i], now)) {
			s->status = s[i].status;
			return false;
		}
		p->session[p->count] = &s[i];
		p->region[p->count++] = &s[i].node->region;
	}
	return true;
}

/* The wait has ended, with (error): what each session makes of it. False: it is over. */
static bool present_wake(struct present *p, struct session *first, int error)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct session *s = p->session[i];

		if (p->events[i] & IVSH_EVENT_CONTROL)
			s->checked_ns = 0;
		if (!session_moved(s)) {
			first->status = s->status;
			return false;
		}
		if (!error || !(p->events[i] & IVSH_EVENT_LOST))
			continue;
		if (!session_lost(s, s->node->region.removed ? IVSH_EREMOVED : IVSH_ELOST)) {
			first->status = s->status;
			return false;
		}
		s->checked_ns = 0;
	}
	return true;
}

/*
 * Wait for up to (most_ns) for one of the (wanted) events, 0: all, in any of (count) sessions. As
 * long as all of them are away it waits for one to come back.
 */
static bool wait_all(struct session *s, uint32_t count, uint64_t most_ns, uint32_t wanted)
{
	struct present p;
	uint32_t entry = s->entries;
	uint64_t limit_ns;
	int error;

	for (;;) {
		uint64_t now = session_now(s);

		limit_ns = most_ns;
		if (!session_may_go_on(s, now, &limit_ns) || !present_find(&p, s, count, now))
			return false;
		/* The command begins anew before it waits. */
		if (count == 1 && s->entries != entry)
			return true;
		if (s->console && console_round(s))
			return true;
		if (p.count != 0) {
			s->wait.wanted = wanted;
			error = ivsh_regions_wait(p.region, p.count, &s->wait, limit_ns, p.events);
			if (!present_wake(&p, s, error))
				return false;
			if (!error || count > 1)
				return true;
		} else {
			s->world->nap(s->world->check_ns);
		}
	}
}

bool session_idle_all(struct session *s, uint32_t count)
{
	return wait_all(s, count, s->slice_ns, 0);
}

bool session_idle(struct session *s)
{
	return session_idle_all(s, 1);
}

bool session_full(struct session *s)
{
	return wait_all(
	    s, 1, s->slice_ns, IVSH_EVENT_SPACE | IVSH_EVENT_CONTROL | IVSH_EVENT_BROKEN);
}

bool session_check(struct session *s)
{
	return wait_all(s, 1, 0, 0);
}
