/* SPDX-License-Identifier: MIT */
/*
 * ping.c - ping: time the way to a peer that runs echo, and back.
 */
#include "app/commands.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MOST 1000000u

/*
 * Messages of eight bytes and more carry a tag: the nonce of this incarnation plus their number.
 * When either side was killed, answers to an earlier incarnation arrive, or answers arrive a second
 * time. ping ignores both.
 */
#define TAG_SIZE 8u

/* Everything that one run works with. */
struct ping {
	struct session s;
	uint32_t peer;
	uint32_t size;
	uint8_t *out, *in;
	uint64_t *times_ns;
};

static bool is_answer(const struct ping *p, const struct ivsh_message *message)
{
	return message->port == p->s.port && message->size == p->size &&
	       !(message->flags & IVSH_MAYBE_SEEN) &&
	       (p->size < TAG_SIZE || memcmp(p->in, p->out, TAG_SIZE) == 0);
}

/*
 * The next message of the peer that may be an answer, into p->in. 0; -1: over, with the status set.
 */
static int receive(struct ping *p, struct ivsh_message *message)
{
	struct ivsh_chan *chan = session_chan(&p->s, p->peer);

	for (;;) {
		int error = ivsh_chan_receive(chan, message, p->in, p->size);

		if (!error)
			return 0;
		if (error == IVSH_ENOSPC) { /* larger than what was sent: no answer */
			error = ivsh_chan_peek(chan, message);
			if (!error)
				error = ivsh_chan_release(chan);
			if (!error && !session_check(&p->s))
				return -1;
			if (!error)
				continue;
		}
		if (error != IVSH_EAGAIN) {
			session_failed(&p->s, p->peer, error);
			return -1;
		}
		if (!session_idle(&p->s))
			return -1;
	}
}

/* One round trip: its time in nanoseconds, or 0 after a line when it failed. */
static uint64_t ping_one(struct ping *p, uint32_t number)
{
	const uint64_t tag = p->s.node->region.nonce + number;
	struct ivsh_message message;
	uint64_t start, took;

	memset(p->out, (int)(number + 1), p->size);
	if (p->size >= TAG_SIZE)
		memcpy(p->out, &tag, TAG_SIZE);
	start = ivsh_region_now(&p->s.node->region);
	if (!session_busy(&p->s) || session_send(&p->s, p->peer, p->s.port, p->out, p->size))
		return 0;
	if (receive(p, &message))
		return 0;
	/* However many others come, the timeout and the user can still end the wait. */
	while (!is_answer(p, &message))
		if (!session_check(&p->s) || receive(p, &message))
			return 0;
	took = ivsh_region_now(&p->s.node->region) - start;
	if (memcmp(p->in, p->out, p->size) == 0)
		return took ? took : 1;
	fprintf(stderr, "ivsh: ping: answer %" PRIu32 " differs from what was sent\n", number);
	p->s.status = STATUS_FAILED;
	return 0;
}

/* All round trips; what was measured until one failed is shown, too. Answers the exit status. */
static int ping_all(struct ping *p, uint32_t count)
{
	uint32_t done = 0;

	session_await(
	    &p->s, p->peer, "an answer from %s: does it run echo?", session_who(&p->s, p->peer));
	while (done < count && (p->times_ns[done] = ping_one(p, done)) != 0)
		done++;
	if (done == 0)
		return p->s.status;
	printf("ping: %s: %" PRIu32 " round trips of %" PRIu32 " bytes, us:",
	    session_who(&p->s, p->peer), done, p->size);
	report_times(p->times_ns, done);
	report_wait(&p->s, "ping");
	return done == count ? STATUS_DONE : p->s.status;
}

static int ping_peer(struct ping *p, uint32_t count)
{
	int status = STATUS_FAILED;

	if (session_size(&p->s))
		return STATUS_FAILED;
	/* Not the largest message of the region: that can be more than this machine has. */
	p->out = malloc(p->size ? p->size : 1);
	p->in = malloc(p->size ? p->size : 1);
	p->times_ns = malloc(count * sizeof(*p->times_ns));
	if (p->out && p->in && p->times_ns)
		status = ping_all(p, count);
	else
		fprintf(stderr, "ivsh: ping: no memory for %" PRIu32 " times\n", count);
	free(p->out);
	free(p->in);
	free(p->times_ns);
	return status;
}

int ping_run(const struct world *world, const struct options *o)
{
	struct ping p = {.size = o->size};
	int peer, status;

	if (o->count == 0 || o->count > COUNT_MOST) {
		fprintf(stderr, "ivsh: ping: --count=%" PRIu32 ": 1 to %u\n", o->count, COUNT_MOST);
		return STATUS_USAGE;
	}
	if (o->words > 1 && o->peer) {
		fprintf(stderr, "ivsh: ping: %s and --peer=%s: give one of them\n", o->word[1],
		    o->peer);
		return STATUS_USAGE;
	}
	if (session_open(&p.s, world, o, 0, SESSION_PATIENCE_NS))
		return p.s.status;
	peer = session_find(&p.s, o->words > 1 ? o->word[1] : o->peer);
	p.peer = (uint32_t)peer;
	status = peer < 0 ? p.s.status : ping_peer(&p, o->count);
	session_close(&p.s);
	return status;
}
