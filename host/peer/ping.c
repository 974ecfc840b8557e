/* SPDX-License-Identifier: MIT */
/*
 * ping.c - ping: time the way to a peer that runs echo, and back.
 */
#include "peer/commands.h"
#include "peer/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PING_COUNT 1000u
#define PING_COUNT_MOST 1000000u
#define PING_PATIENCE_NS UINT64_C(5000000000) /* for the peer to come, and for each answer */

/* Messages of eight bytes and more say whose they are: an answer to an earlier life is nobody's. */
#define PING_TAG_SIZE 8u

/* Everything that one run works with. */
struct ping {
	struct session s;
	uint32_t peer;
	uint32_t size;
	uint8_t *out, *in;
	uint64_t *times_ns;
};

static int ping_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool ping_is_answer(const struct ping *p, const struct ivsh_message *message)
{
	return message->port == p->s.port && message->size == p->size &&
	       !(message->flags & IVSH_MAYBE_SEEN) &&
	       (p->size < PING_TAG_SIZE || memcmp(p->in, p->out, PING_TAG_SIZE) == 0);
}

/* Send number (number): its error, if it is none that time cures. False: the wait is over. */
static bool ping_send(struct ping *p, uint32_t number, int *error)
{
	/* An echo that was killed may answer twice: each message has a tag of its own. */
	const uint64_t tag = p->s.nonce + number;
	struct ivsh_chan *chan = &p->s.chan[p->peer];

	memset(p->out, (int)(number + 1), p->size);
	if (p->size >= PING_TAG_SIZE)
		memcpy(p->out, &tag, PING_TAG_SIZE);
	while ((*error = ivsh_chan_send(chan, p->s.port, p->out, p->size)) == IVSH_EAGAIN)
		if (!session_full(&p->s, p->peer))
			return false;
	return true;
}

/* One round trip: its time in nanoseconds, or 0 when it failed and a line has said why. */
static uint64_t ping_one(struct ping *p, uint32_t number)
{
	struct ivsh_chan *chan = &p->s.chan[p->peer];
	uint64_t start = ivsh_region_now(&p->s.region), took;
	int error;

	if (!session_busy(&p->s) || !ping_send(p, number, &error))
		return 0;
	while (!error) {
		struct ivsh_message message;

		error = ivsh_chan_receive(chan, &message, p->in, p->s.max);
		if (error == IVSH_EAGAIN) {
			if (!session_idle(&p->s))
				return 0;
			error = 0;
		} else if (!error && ping_is_answer(p, &message)) {
			took = ivsh_region_now(&p->s.region) - start;
			if (memcmp(p->in, p->out, p->size) == 0)
				return took ? took : 1;
			fprintf(stderr,
			    "ivsh: ping: answer %" PRIu32 " differs from what was sent\n", number);
			return 0;
		}
	}
	session_failed(&p->s, p->peer, error);
	return 0;
}

static void ping_us(const char *name, uint64_t ns)
{
	printf(" %s %" PRIu64 ".%02" PRIu64, name, ns / 1000, ns / 10 % 100);
}

/* All round trips; what was measured until one failed is shown, too. 0, or the exit status. */
static int ping_all(struct ping *p, uint32_t count)
{
	uint32_t done = 0;

	session_await(
	    &p->s, p->peer, "an answer from %s: does it run echo?", session_who(&p->s, p->peer));
	while (done < count && (p->times_ns[done] = ping_one(p, done)) != 0)
		done++;
	if (done == 0)
		return p->s.status;
	qsort(p->times_ns, done, sizeof *p->times_ns, ping_compare);
	printf("ping: %s: %" PRIu32 " round trips of %" PRIu32 " bytes, us:",
	    session_who(&p->s, p->peer), done, p->size);
	ping_us("min", p->times_ns[0]);
	ping_us("p50", p->times_ns[done / 2]);
	ping_us("p99", p->times_ns[(uint64_t)done * 99 / 100]);
	ping_us("max", p->times_ns[done - 1]);
	printf("\n");
	session_bells(&p->s, "ping");
	return done == count ? 0 : p->s.status;
}

static int ping_peer(struct ping *p, uint32_t count)
{
	int status = STATUS_FAILED;

	if (p->size > p->s.max) {
		fprintf(stderr,
		    "ivsh: --size: %" PRIu32 ": a message of this region has at most %" PRIu32
		    " bytes\n",
		    p->size, p->s.max);
		return STATUS_FAILED;
	}
	p->out = malloc(p->s.max);
	p->in = malloc(p->s.max);
	p->times_ns = malloc(count * sizeof *p->times_ns);
	if (p->out && p->in && p->times_ns)
		status = ping_all(p, count);
	else
		fprintf(stderr, "ivsh: ping: no memory for %" PRIu32 " times\n", count);
	free(p->out);
	free(p->in);
	free(p->times_ns);
	return status;
}

int ping_run(const struct options *options)
{
	uint32_t count = options->count_given ? options->count : PING_COUNT;
	struct ping p = {.size = options->size};
	int peer, status;

	if (count == 0 || count > PING_COUNT_MOST) {
		fprintf(stderr, "ivsh: --count: ping takes 1 to %u\n", PING_COUNT_MOST);
		return STATUS_USAGE;
	}
	if (session_open(&p.s, options, PING_PATIENCE_NS))
		return p.s.status;
	peer = session_find(&p.s, options->word[1]);
	p.peer = (uint32_t)peer;
	status = peer < 0 ? p.s.status : ping_peer(&p, count);
	session_close(&p.s);
	return status;
}
