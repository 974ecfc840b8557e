/* SPDX-License-Identifier: MIT */
/*
 * echo.c - echo sends back what arrives on port 7; ping times the way there and back.
 */
#include "app/commands.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Answer the next message of slot (slot) straight from its place in the ring. 1: answered; 0:
 * nothing to do, or no room for the answer: the message stays until there is.
 */
static int echo_one(struct session *s, uint32_t slot)
{
	struct ivsh_chan *chan = &s->chan[slot];
	struct ivsh_message message;
	int error = 0;

	if (!session_peek(s, slot, &message))
		return 0;
	if (message.port == IVSH_PORT_ECHO)
		error = ivsh_chan_send(chan, IVSH_PORT_ECHO, message.data, message.size);
	if (!error)
		error = ivsh_chan_release(chan);
	return error ? 0 : message.port == IVSH_PORT_ECHO;
}

/* Answer messages of any of (sessions) to the end. False: a line has said why it came early. */
static bool echo_all(struct session *s, uint32_t sessions, const struct options *o)
{
	uint64_t answered = 0;
	bool ok = true;

	while (ok && !(o->count_given && answered >= o->count)) {
		uint64_t before = answered;

		for (uint32_t i = 0; i < sessions; i++)
			for (uint32_t slot = 0; slot < s[i].slots; slot++)
				answered += (uint64_t)echo_one(&s[i], slot);
		if (answered == before)
			ok = session_idle_all(s, sessions);
	}
	printf("echo: answered %" PRIu64 " messages\n", answered);
	return ok;
}

/* Go into the region of each --device, s[at] being next. False: a line has said why not. */
static bool echo_open(
    struct session *s, uint32_t at, const struct app_world *world, const struct options *o)
{
	struct choice choice;

	for (uint32_t i = 0; i < at && choose_quietly(world, &o->device, &choice); i++)
		if (s[i].choice.function == choice.function) {
			fprintf(stderr, "ivsh: --device=%s: named twice\n", o->device.text);
			s[at].status = STATUS_USAGE;
			return false;
		}
	if (!session_open(&s[at], world, o))
		return false;
	if (!session_offer(&s[at], "echo", IVSH_PORT_ECHO)) {
		session_close(&s[at]);
		return false;
	}
	printf(
	    "echo: slot %" PRIu32 " of %" PRIu32 " answers\n", s[at].region.mem.self, s[at].slots);
	return true;
}

int echo_run(const struct app_world *world, const struct options *o)
{
	static struct session s[OPTIONS_DEVICES];
	static struct options each[OPTIONS_DEVICES];
	uint32_t wanted = o->device_count ? o->device_count : 1, open = 0;
	int status = STATUS_DONE;

	for (; open < wanted && status == STATUS_DONE; open += status == STATUS_DONE) {
		each[open] = *o;
		if (o->device_count)
			each[open].device = o->devices[open];
		if (!echo_open(s, open, world, &each[open]))
			status = s[open].status;
	}
	if (open == wanted) {
		status = echo_all(s, open, o) ? STATUS_DONE : s[0].status;
		for (uint32_t i = 0; i < open; i++)
			report_bells(&s[i], "echo");
	}
	while (open > 0)
		session_close(&s[--open]);
	return status;
}

/* Everything that one run of ping works with. */
struct ping {
	struct session *s;
	uint32_t peer;
	uint32_t size;
	uint8_t *out, *in;
	uint64_t *times_ns;
};

/*
 * Messages of eight bytes and more say which one of whom they are. When either side was killed, answers to
 * an earlier life come, and answers that have come already come again: both are nobody's.
 */
#define TAG_SIZE 8u

/* One round trip: its time in nanoseconds, or 0 when it failed and a line has said why. */
static uint64_t ping_one(struct ping *p, uint32_t number)
{
	struct ivsh_chan *chan = &p->s->chan[p->peer];
	uint64_t start, took, tag = p->s->region.nonce + number;
	int error;

	memset(p->out, (int)(number + 1), p->size);
	if (p->size >= TAG_SIZE)
		memcpy(p->out, &tag, TAG_SIZE);
	start = ivsh_region_now(&p->s->region);
	while ((error = ivsh_chan_send(chan, p->s->port, p->out, p->size)) == IVSH_EAGAIN)
		if (!session_full(p->s))
			return 0;
	while (!error) {
		struct ivsh_message message;

		error = ivsh_chan_receive(chan, &message, p->in, p->size);
		if (error == IVSH_ENOSPC) { /* larger than what was sent: no answer */
			error = ivsh_chan_peek(chan, &message);
			if (!error)
				error = ivsh_chan_release(chan);
			continue;
		}
		if (error == IVSH_EAGAIN) {
			if (!session_idle(p->s))
				return 0;
			error = 0;
			continue;
		}
		if (error || message.port != p->s->port || message.size != p->size ||
		    (message.flags & IVSH_MAYBE_SEEN) ||
		    (p->size >= TAG_SIZE && memcmp(p->in, p->out, TAG_SIZE) != 0))
			continue;
		took = ivsh_region_now(&p->s->region) - start;
		if (memcmp(p->in, p->out, p->size) != 0) {
			fprintf(stderr,
			    "ivsh: ping: answer %" PRIu32 " differs from what was sent\n", number);
			return 0;
		}
		return took ? took : 1;
	}
	session_channel_failed(p->s, p->peer, error);
	return 0;
}

static int ping_all(struct ping *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		p->times_ns[i] = ping_one(p, i);
		if (p->times_ns[i] == 0)
			return p->s->status;
	}
	printf("ping: %s: %" PRIu32 " round trips of %" PRIu32 " bytes, us:",
	    session_who(p->s, p->peer), count, p->size);
	report_times(p->times_ns, count);
	report_bells(p->s, "ping");
	return STATUS_DONE;
}

int ping_run(const struct app_world *world, const struct options *o)
{
	uint32_t count = o->count_given ? o->count : 1000;
	struct ping p = {.size = o->size};
	struct session s;
	int peer, status;

	if (count == 0 || count > 1000000) {
		fprintf(stderr, "ivsh: ping: --count=%" PRIu32 ": 1 to 1000000\n", count);
		return STATUS_USAGE;
	}
	if (!session_open(&s, world, o))
		return s.status;
	p.s = &s;
	s.port = IVSH_PORT_ECHO;
	peer = session_find_peer(&s, o->peer ? o->peer : o->words > 1 ? o->word[1] : NULL);
	status = s.status;
	if (peer >= 0 && p.size > ivsh_chan_max(&s.chan[peer])) {
		fprintf(stderr,
		    "ivsh: ping: --size=%" PRIu32 ": at most %" PRIu32 " in this region\n", p.size,
		    ivsh_chan_max(&s.chan[peer]));
	} else if (peer >= 0) {
		p.peer = (uint32_t)peer;
		/* Not the largest message of the region: that can be more than this machine has. */
		p.out = malloc(p.size ? p.size : 1);
		p.in = malloc(p.size ? p.size : 1);
		p.times_ns = malloc(count * sizeof(*p.times_ns));
		if (p.out && p.in && p.times_ns)
			status = ping_all(&p, count);
		else
			fprintf(stderr, "ivsh: ping: no memory for %" PRIu32 " times\n", count);
		free(p.out);
		free(p.in);
		free(p.times_ns);
	}
	session_close(&s);
	return status;
}
