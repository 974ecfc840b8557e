/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a session with nothing to do.
 *
 * Nobody rings this peer, it looks: for a moment without a pause, since an answer takes
 * microseconds when the other end is awake; then with short sleeps.
 */
#include "join.h"
#include "session.h"
#include "stop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WAIT_SPIN_NS UINT64_C(50000) /* about what falling asleep and waking up again takes */
#define WAIT_NAP_NS UINT64_C(500000)

void session_await(struct session *s, uint32_t partner, const char *format, ...)
{
	struct ivsh_peer look = {0};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(s->awaited, sizeof s->awaited, format, arguments);
	va_end(arguments);
	s->partner = partner;
	if (partner != IVSH_SELF_NONE && !ivsh_region_peer(&s->region, partner, &look))
		s->partner_boot = look.boot;
	s->idle_ns = 0;
}

/* Whether a signal has asked us to stop. */
static bool wait_is_stopped(struct session *s)
{
	int signal = stop_signal();

	if (signal)
		s->status = STOP_STATUS(signal);
	return signal != 0;
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
	else if (s->peer[s->partner].boot != s->partner_boot)
		what = "was started again";
	if (what)
		fprintf(stderr, "ivsh: %s: %s meanwhile\n", who, what);
	return !what;
}

bool session_idle(struct session *s)
{
	uint64_t now = ivsh_region_now(&s->region);

	if (s->idle_ns == 0)
		s->idle_ns = now ? now : 1;
	if (wait_is_stopped(s))
		return false;
	if (now - s->idle_ns < WAIT_SPIN_NS) {
		s->region.mem.bell.relax(s->region.mem.bell.ctx);
		return true;
	}
	s->status = 1;
	if (s->patience_ns && now - s->idle_ns > s->patience_ns) {
		fprintf(stderr, "ivsh: timeout: %g s without %s\n", (double)s->patience_ns / 1e9,
		    s->awaited);
		return false;
	}
	if (!wait_partner(s))
		return false;
	/* The memory and the bells outlive the server. */
	if (!s->client.connected && client_poll(&s->client))
		fprintf(stderr, "ivsh: %s: %s: going on without it\n", join_object(s->options),
		    s->client.error);
	if (ivsh_region_wait(&s->region, WAIT_NAP_NS)) {
		fprintf(stderr, "ivsh: %s: slot %" PRIu32 ": another peer has claimed it\n",
		    join_object(s->options), s->region.mem.self);
		return false;
	}
	return true;
}
