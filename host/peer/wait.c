/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a session with nothing to do.
 *
 * Bells announce messages and room. Nothing announces that a signal came, that the partner died
 * where no server sees it, or that patience is over: these are looked for now and then.
 */
#include "peer/join.h"
#include "peer/session.h"
#include "peer/stop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WAIT_SPIN_NS UINT64_C(50000)      /* about what falling asleep and waking up again takes */
#define WAIT_CHECK_NS UINT64_C(100000000) /* from one look at what no bell announces to the next */
#define WAIT_COMING_NS UINT64_C(5000000)  /* likewise, before there is a channel: a peer comes */

void session_await(struct session *s, uint32_t partner, const char *format, ...)
{
	struct ivsh_peer look = {0};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(s->awaited, sizeof s->awaited, format, arguments);
	va_end(arguments);
	s->partner = partner;
	if (partner != IVSH_SELF_NONE && !ivsh_region_peer(&s->region, partner, &look))
		s->partner_incarnation = look.incarnation;
	s->idle_ns = 0;
	s->checked_ns = 0;
}

/* Whether a signal has asked us to stop. */
static bool wait_is_stopped(struct session *s)
{
	if (stop_signal())
		s->status = STATUS_STOPPED;
	return stop_signal() != 0;
}

bool session_busy(struct session *s)
{
	s->idle_ns = 0;
	return !wait_is_stopped(s);
}

/* Whether the one that we wait for can still do it. Without a server only a good-bye shows. */
static bool wait_partner(struct session *s)
{
	const char *what = NULL;
	const char *who;

	if (s->partner == IVSH_SELF_NONE)
		return true;
	who = session_who(s, s->partner);
	if (s->peer[s->partner].presence == IVSH_PEER_GONE)
		what = "died";
	else if (s->peer[s->partner].presence == IVSH_PEER_ABSENT)
		what = "left";
	else if (s->peer[s->partner].incarnation != s->partner_incarnation)
		what = "was started again";
	if (what)
		fprintf(stderr, "ivsh: %s: %s meanwhile\n", who, what);
	return !what;
}

/* What no bell announces, if it is time. False after a line: the partner is lost. */
static bool wait_check(struct session *s, uint64_t now)
{
	if (s->checked_ns != 0 && now - s->checked_ns < WAIT_CHECK_NS)
		return true;
	s->checked_ns = now ? now : 1;
	/* The memory and the bells outlive the server. */
	if (client_poll(&s->client))
		fprintf(stderr, "ivsh: %s: %s: going on without it\n", join_object(s->options),
		    s->client.error);
	return wait_partner(s);
}

/* What ends the wait of all: a signal, or no more patience. */
static bool wait_may_go_on(struct session *s, uint64_t now, uint64_t *most_ns)
{
	if (s->idle_ns == 0)
		s->idle_ns = now ? now : 1;
	if (wait_is_stopped(s))
		return false;
	s->status = STATUS_FAILED;
	if (s->patience_ns && now - s->idle_ns > s->patience_ns) {
		fprintf(stderr, "ivsh: timeout: %g s without %s\n", (double)s->patience_ns / 1e9,
		    s->awaited);
		s->status = STATUS_TIMEOUT;
		return false;
	}
	if (s->patience_ns && s->patience_ns - (now - s->idle_ns) < *most_ns)
		*most_ns = s->patience_ns - (now - s->idle_ns) + 1;
	return true;
}

bool session_idle_all(struct session *s, uint32_t count)
{
	const struct ivsh_wait wait = {.mode = s->options->wait, .spin_ns = WAIT_SPIN_NS};
	struct ivsh_region *regions[OPTIONS_SOCKETS];
	uint32_t events[OPTIONS_SOCKETS];
	uint64_t now = ivsh_region_now(&s->region), most_ns = WAIT_CHECK_NS;
	int error;

	for (uint32_t i = 0; i < count; i++) {
		regions[i] = &s[i].region;
		if (!s[i].region.chans)
			most_ns = WAIT_COMING_NS;
	}
	if (!wait_may_go_on(s, now, &most_ns))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!wait_check(&s[i], now))
			return false;
	error = ivsh_regions_wait(regions, count, &wait, most_ns, events);
	for (uint32_t i = 0; i < count; i++) {
		if (events[i] & IVSH_EVENT_LOST)
			fprintf(stderr, "ivsh: %s: slot %" PRIu32 ": another peer has claimed it\n",
			    join_object(s[i].options), s[i].region.mem.self);
		else if (events[i] & IVSH_EVENT_CONTROL)
			s[i].checked_ns = 0;
	}
	return !error;
}

bool session_idle(struct session *s)
{
	return session_idle_all(s, 1);
}

bool session_full(struct session *s, uint32_t slot)
{
	struct ivsh_message unread;

	(void)session_peek(s, slot, &unread);
	return session_idle(s);
}

void session_bells(const struct session *s, const char *command)
{
	struct ivsh_counters c;
	uint32_t vectors = s->region.mem.doorbell.vectors;

	if (ivsh_region_counters(&s->region, s->region.mem.self, &c))
		return;
	printf("%s: wait %s, %" PRIu32 " vector%s: notifications sent %" PRIu64
	       ", suppressed %" PRIu64 "; woken by doorbell %" PRIu64 ", by timer %" PRIu64
	       " (missed %" PRIu64 ")\n",
	    command, options_wait_name(s->options->wait), vectors, vectors == 1 ? "" : "s",
	    c.notifications_sent, c.notifications_suppressed, c.wakes_doorbell, c.wakes_timer,
	    c.missed_notifications);
}
