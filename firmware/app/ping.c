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
 * Messages of eight bytes and more carry a tag: the nonce of the first incarnation plus a count.
 * When either side was killed, answers to an earlier incarnation arrive, or answers arrive a second
 * time. ping ignores both.
 */
#define TAG_SIZE 8u

/* When an answer is late: then the peer may be elsewhere. */
#define LATE_NS UINT64_C(20000000)

/* So long an answer may take after a ring was reset. */
#define RESET_NS UINT64_C(200000000)

enum {
	ROUND_TRIPS,
	LOST,
	LAST_NS
};

static const struct session_metric metrics[] = {
    [ROUND_TRIPS] = {"ping_round_trips", IVSH_METRIC_COUNTER},
    [LOST] = {"ping_lost", IVSH_METRIC_COUNTER},
    [LAST_NS] = {"ping_last_ns", IVSH_METRIC_GAUGE},
    {NULL, IVSH_METRIC_COUNTER},
};

/* Everything that one run works with. */
struct ping {
	struct session s;
	const char *wanted; /* the peer, as it was named, or as it was found */
	char found[IVSH_WIRE_NAME_SIZE];
	uint32_t peer;
	uint32_t entry; /* the session's entry in which it was found */
	uint32_t size;
	uint8_t *out, *in;
	uint64_t *times_ns;
	uint64_t tag;      /* of the last message */
	uint64_t start_ns; /* when it was sent */
	uint64_t reset_ns; /* when a ring was reset since then; 0: none was */
	uint32_t lost;     /* messages that got no answer, and were sent again */
};

/* How a step of a round trip ended. */
enum step {
	STEP_DONE,
	STEP_ANEW, /* the message or its answer may be lost: begin the round trip again */
	STEP_OVER, /* the session's status is set */
};

static bool is_answer(const struct ping *p, const struct ivsh_message *message)
{
	return message->port == p->s.port && message->size == p->size &&
	       !(message->flags & IVSH_MAYBE_SEEN) &&
	       (p->size < TAG_SIZE || memcmp(p->in, p->out, TAG_SIZE) == 0);
}

/*
 * Whether the answer may still come. A ring that was reset since the message was sent, when the
 * channel had lost (lost) runs, may have lost either of them, or none.
 */
static bool is_awaited(struct ping *p, uint32_t lost)
{
	const struct ivsh_chan *chan;
	uint64_t now;

	if (p->s.entries != p->entry)
		return false;
	chan = session_chan(&p->s, p->peer);
	if (chan->lost == lost && !p->s.options->keep_going)
		return true;
	now = session_now(&p->s);
	/* The peer may be back in another slot. */
	if (p->s.options->keep_going && now - p->start_ns >= LATE_NS &&
	    session_elsewhere(&p->s, p->wanted, p->peer))
		return false;
	if (chan->lost == lost)
		return true;
	if (p->reset_ns == 0)
		p->reset_ns = now ? now : 1;
	return now - p->reset_ns < RESET_NS;
}

/* The next message of the peer that may be an answer, into p->in. (lost): as is_awaited(). */
static enum step receive(struct ping *p, struct ivsh_message *message, uint32_t lost)
{
	do {
		struct ivsh_chan *chan = session_chan(&p->s, p->peer);
		int error = ivsh_chan_receive(chan, message, p->in, p->size);

		if (!error)
			return STEP_DONE;
		if (error == IVSH_ENOSPC) { /* larger than what was sent: no answer */
			error = ivsh_chan_peek(chan, message);
			if (!error)
				error = ivsh_chan_release(chan);
			if (!error && !session_check(&p->s))
				return STEP_OVER;
			if (!error)
				continue;
		}
		if (error != IVSH_EAGAIN && !session_is_lost(error)) {
			if (session_broken(&p->s, p->peer, error) != SESSION_ANEW)
				return STEP_OVER;
			return STEP_ANEW;
		}
		if (!session_idle(&p->s))
			return STEP_OVER;
	} while (is_awaited(p, lost));
	return STEP_ANEW;
}

/* Send the message that stands in p->out, and wait for its answer. */
static enum step there_and_back(struct ping *p)
{
	uint32_t lost = session_chan(&p->s, p->peer)->lost;
	struct ivsh_message message;
	int sent = session_send(&p->s, p->peer, p->s.port, p->out, p->size);
	enum step step;

	p->reset_ns = 0;
	if (sent)
		return sent == SESSION_ANEW ? STEP_ANEW : STEP_OVER;
	step = receive(p, &message, lost);
	/* However many others come, the timeout and the user can still end the wait. */
	while (step == STEP_DONE && !is_answer(p, &message))
		step = !session_check(&p->s)      ? STEP_OVER
		       : p->s.entries != p->entry ? STEP_ANEW
						  : receive(p, &message, lost);
	p->lost += step == STEP_ANEW;
	if (step == STEP_ANEW)
		ivsh_metric_add(&p->s.metric[LOST], 1);
	return step;
}

/* Find the peer, again after each entry. False: it is over. */
static bool find(struct ping *p)
{
	int peer = session_find(&p->s, p->wanted);

	if (peer < 0)
		return false;
	p->peer = (uint32_t)peer;
	p->entry = p->s.entries;
	if (!session_answers(&p->s, p->peer))
		return false;
	if (!p->wanted) {
		const char *name = session_peer(&p->s, p->peer)->name;

		/* From here on that one, wherever it is. */
		if (name[0])
			snprintf(p->found, sizeof(p->found), "%s", name);
		else
			snprintf(p->found, sizeof(p->found), "%d", peer);
		p->wanted = p->found;
	}
	session_await(
	    &p->s, p->peer, "an answer from %s: does it run echo?", session_who(&p->s, p->peer));
	return true;
}

/* One round trip: its time in nanoseconds, or 0 after a line when it failed. */
static uint64_t ping_one(struct ping *p, uint32_t number)
{
	uint64_t took;
	enum step step = STEP_DONE;

	memset(p->out, (int)(number + 1), p->size);
	do {
		if (!session_busy(&p->s))
			return 0;
		if ((step == STEP_ANEW || p->entry != p->s.entries) &&
		    (!find(p) || session_size(&p->s)))
			return 0;
		p->tag++;
		if (p->size >= TAG_SIZE)
			memcpy(p->out, &p->tag, TAG_SIZE);
		p->start_ns = session_now(&p->s);
		step = there_and_back(p);
	} while (step == STEP_ANEW);
	if (step == STEP_OVER)
		return 0;
	took = session_now(&p->s) - p->start_ns;
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

	while (done < count && (p->times_ns[done] = ping_one(p, done)) != 0) {
		ivsh_metric_add(&p->s.metric[ROUND_TRIPS], 1);
		ivsh_metric_set(&p->s.metric[LAST_NS], (int64_t)p->times_ns[done]);
		done++;
	}
	if (p->lost != 0 && !p->s.options->json)
		printf("ping: %" PRIu32 " lost on the way, and sent again\n", p->lost);
	if (done == 0)
		return p->s.status;
	report_times(&p->s, &(struct report_times){"round trips", "round_trips", p->peer, p->size,
				p->lost, done, p->times_ns});
	report_wait(&p->s);
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
	int status;

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
	p.s.goes_on = true;
	session_metrics(&p.s, metrics);
	p.wanted = o->words > 1 ? o->word[1] : o->peer;
	p.tag = p.s.node->region.nonce;
	status = find(&p) ? ping_peer(&p, o->count) : p.s.status;
	session_close(&p.s);
	return status;
}
