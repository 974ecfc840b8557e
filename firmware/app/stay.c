/* SPDX-License-Identifier: MIT */
/*
 * stay.c - a session whose device leaves and comes back, or whose slot is lost, under a command.
 *
 * The session detaches and closes the transport when the device is to leave, and opens the device
 * that comes instead. It attaches again when its slot was lost: the memory was rolled back to an
 * earlier state, or a copy of this machine took the slot. A copy whose slot is lost again attaches
 * again only after a pause, and ends if a living peer holds the slot. So two of them do not throw
 * each other out without end.
 */
#include "app/stay.h"

#include "app/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_NS UINT64_C(2000000000) /* from one attach after a lost slot to the next */
#define FORMAT_NS UINT64_C(100000000) /* from one look for a region to the next */
#define NAP_NS UINT64_C(10000000)     /* from one look for a device to the next */

/* One line about the place of (s). */
static void say(const struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct session *s, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "ivsh: %s: ", s->transport.object);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* The session is over. False. */
static bool over(struct session *s, int status)
{
	s->status = status;
	return false;
}

/* The device leaves, or is gone: leave as well. False as session_stay(). */
static bool away(struct session *s, enum world_state state)
{
	if (state == WORLD_LEAVES)
		say(s, "the device is leaving: detached from slot %" PRIu32, s->self);
	else
		say(s, "the device was removed without a request: slot %" PRIu32 " is lost",
		    s->self);
	s->leaves = true;
	/* A command that ends closes the session: session_close() lets the device go. */
	if (!s->goes_on)
		return over(s, STATUS_FAILED);
	session_leave(s);
	s->world->release(&s->transport);
	s->leaves = false;
	s->state = SESSION_AWAY;
	return true;
}

bool session_lost(struct session *s, int error)
{
	enum world_state state = s->world->state ? s->world->state(&s->transport) : WORLD_STAYS;

	if (s->state != SESSION_HERE)
		return true;
	if (s->world->release && (error == IVSH_EREMOVED || state != WORLD_STAYS))
		return away(s, error == IVSH_EREMOVED ? WORLD_GONE : state);
	if (!s->goes_on || error != IVSH_ELOST) {
		say(s, "slot %" PRIu32 ": %s", s->self,
		    error == IVSH_ELOST ? "another peer has claimed it" : ivsh_error_text(error));
		return over(s, STATUS_FAILED);
	}
	session_leave(s);
	s->state = SESSION_LOST;
	return true;
}

/* The slot that the device has now: it may have another ID after a move. */
static void self_read(struct session *s)
{
	struct ivsh_doorbell *doorbell = &s->transport.mem.doorbell;
	uint32_t self;

	if (!s->transport.claims && doorbell->recheck &&
	    doorbell->recheck(doorbell->ctx, &self) == 0)
		s->transport.mem.self = self;
}

/* Open the device that is back. False as session_stay(). */
static bool reopen(struct session *s)
{
	int status = s->world->open(&s->transport, s->place, s->options);

	if (status != STATUS_DONE)
		return over(s, status);
	s->state = SESSION_LOST; /* the transport is open, and is to be closed */
	status = session_self(s);
	return status == STATUS_DONE || over(s, status);
}

/* The channels are open again: the command goes on from here. False as session_stay(). */
static bool entered(struct session *s, uint32_t before, bool was_away)
{
	s->state = SESSION_HERE;
	s->unformatted = s->was_away = false;
	s->entries++;
	s->checked_ns = s->idle_ns = 0;
	if (s->partner != IVSH_SELF_NONE && s->partner < s->slots)
		s->partner_incarnation = session_peer(s, s->partner)->incarnation;
	else
		s->partner = IVSH_SELF_NONE;
	session_metrics_enter(s);
	if (console_enter(s) || (s->service && session_offer(s, s->service)))
		return over(s, STATUS_FAILED);
	if (was_away)
		say(s, "the device is back: slot %" PRIu32 " of %" PRIu32, s->self, s->slots);
	else if (s->self != before)
		say(s,
		    "slot %" PRIu32 " of %" PRIu32 ": attached again, since the device has another"
		    " ID than %" PRIu32,
		    s->self, s->slots, before);
	else
		say(s,
		    "slot %" PRIu32 " of %" PRIu32 ": attached again, since the memory was rolled"
		    " back, or another peer took the slot",
		    s->self, s->slots);
	return true;
}

/* Nobody has formatted the memory yet: slot 0 does. The next session_stay() tries again. */
static bool await_format(struct session *s, bool was_away)
{
	if (!s->unformatted)
		say(s, "the memory has no region yet: waiting for slot 0 to format it");
	s->unformatted = true;
	s->was_away = was_away;
	s->entered_ns = session_now(s) | 1;
	return true;
}

/*
 * Attach to the transport, which is open, without a wait: other sessions go on meanwhile. False as
 * session_stay().
 */
static bool enter_again(struct session *s, bool was_away)
{
	struct ivsh_attach attach = {0};
	uint32_t before = s->self;
	int error = session_enter(s, &attach, 1);

	if (!error)
		return entered(s, before, was_away);
	if (error == IVSH_ENODEV && s->transport.mem.self != 0 && !s->world->stopped())
		return await_format(s, was_away);
	if (s->world->state && s->world->state(&s->transport) != WORLD_STAYS)
		return away(s, s->world->state(&s->transport));
	if (error == IVSH_EBUSY && !was_away) {
		say(s, "slot %" PRIu32 ": another peer has claimed it", s->transport.mem.self);
		return over(s, STATUS_FAILED);
	}
	session_refused(s, &attach, error);
	return false;
}

bool session_stay(struct session *s)
{
	enum world_state state = WORLD_STAYS;
	uint64_t now = session_now(s);

	if (s->state == SESSION_AWAY) {
		enum world_ready ready = s->world->ready(s->place);

		if (ready == WORLD_COMES)
			return true;
		if (ready == WORLD_NEVER) {
			say(s, "no device can be plugged in here");
			return over(s, STATUS_NO_DEVICE);
		}
		return reopen(s) && enter_again(s, true);
	}
	if (s->world->state)
		state = s->world->state(&s->transport);
	if (state != WORLD_STAYS)
		return away(s, state);
	if (s->state == SESSION_HERE)
		return true;
	if (s->entered_ns && now - s->entered_ns < (s->unformatted ? FORMAT_NS : AGAIN_NS))
		return true;
	s->entered_ns = now ? now : 1;
	self_read(s);
	return enter_again(s, s->was_away);
}

bool session_moved(struct session *s)
{
	if (s->state != SESSION_HERE || s->node->region.incarnation == s->incarnation)
		return true;
	s->incarnation = s->node->region.incarnation;
	s->entries++;
	if (!s->shows_moves)
		say(s,
		    "the machine or its memory was moved: slot %" PRIu32
		    " goes on in incarnation %" PRIu32,
		    s->self, s->incarnation);
	/* It would wait for what may be lost. */
	return s->goes_on || over(s, STATUS_FAILED);
}

bool session_ready(struct session *s)
{
	bool is_said = false;

	while (s->world->ready && s->world->ready(s->place) == WORLD_COMES) {
		uint64_t most_ns = NAP_NS;

		if (!is_said) {
			fprintf(stderr, "ivsh: no ivshmem device yet: waiting for one to be"
					" plugged in\n");
			snprintf(s->awaited, sizeof(s->awaited), "an ivshmem device");
		}
		is_said = true;
		if (!session_may_go_on(s, session_now(s), &most_ns)) {
			if (s->status == STATUS_TIMEOUT)
				s->status = STATUS_NO_DEVICE;
			return false;
		}
		s->world->nap(most_ns);
	}
	s->idle_ns = 0;
	return true;
}
