/* SPDX-License-Identifier: MIT */
/*
 * bench.c - what a message costs: round trips, a one-way stream, and a bare doorbell beside them.
 */
#include "app/bench.h"

#include "app/commands.h"
#include "app/histogram.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 10000000u /* as many times are kept: 80 MB */

#define QUIET_NS UINT64_C(5000000)   /* without a doorbell: nobody notifies us just now */
#define CHECK_NS UINT64_C(20000000)  /* the keyboard and the heartbeat are served this often */
#define LOST_NS UINT64_C(3000000000) /* no answer will come any more */

struct bench {
	struct session s;
	uint32_t peer;
	uint32_t count;
	uint32_t size;
	uint64_t *times_ns;
	uint8_t *payload;
};

/* Wait for the next answer of 8 bytes. False: it failed, and a line was printed. */
static bool reply_take(struct bench *b, uint64_t *number)
{
	struct ivsh_chan *chan = session_chan(&b->s, b->peer);

	for (;;) {
		struct ivsh_message message;
		int error = ivsh_chan_peek(chan, &message);
		bool fits = false;

		if (!error) {
			fits = message.port == IVSH_PORT_ECHO && message.size == sizeof(*number);
			if (fits)
				memcpy(number, message.data, sizeof(*number));
			error = ivsh_chan_release(chan);
		}
		if (error && error != IVSH_EAGAIN) {
			session_failed(&b->s, b->peer, error);
			return false;
		}
		if (fits)
			return true;
		/* However many others come, the timeout and the user can still end the wait. */
		if (!(error ? session_idle(&b->s) : session_check(&b->s)))
			return false;
	}
}

/* Send one message on (port), waiting for room. False after a line. */
static bool put(struct bench *b, uint16_t port, const void *data, uint32_t size)
{
	return session_busy(&b->s) && session_send(&b->s, b->peer, port, data, size) == 0;
}

/* There and back, 8 bytes at a time. An answer to an earlier incarnation has another number. */
static bool bench_echo(struct bench *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		uint64_t start = ivsh_region_now(&b->s.node->region), back;
		uint64_t number = b->s.node->region.nonce + i;

		if (!put(b, IVSH_PORT_ECHO, &number, sizeof(number)))
			return false;
		if (!reply_take(b, &back))
			return false;
		while (back != number)
			if (!session_check(&b->s) || !reply_take(b, &back))
				return false;
		b->times_ns[i] = ivsh_region_now(&b->s.node->region) - start;
	}
	report_times(&b->s, &(struct report_times){"round trips", "round_trips", b->peer,
				sizeof(uint64_t), 0, b->count, b->times_ns});
	return true;
}

static void one_way_json(struct bench *b, uint64_t took_ns, uint64_t notifications)
{
	struct json json;

	report_begin(&json, &b->s, "one_way");
	report_peer(&json, &b->s, b->peer);
	json_u64(&json, "count", b->count);
	json_u64(&json, "size_bytes", b->size);
	json_u64(&json, "time_ns", took_ns);
	json_u64(&json, "messages_per_s",
	    (uint64_t)b->count * 1000000000 / (took_ns != 0 ? took_ns : 1));
	json_decimal(&json, "notifications_per_1000", notifications, 2);
	json_end(&json);
}

/* One way. The messages of the last ring's worth may be on their way when the clock stops. */
static bool bench_sink(struct bench *b)
{
	const struct ivsh_counters *c = &b->s.node->region.counters;
	uint64_t start = ivsh_region_now(&b->s.node->region), took, sent;

	for (uint32_t i = 0; i < b->count; i++)
		if (!put(b, BENCH_PORT, b->payload, b->size))
			return false;
	took = ivsh_region_now(&b->s.node->region) - start;
	sent = c->notifications_sent * 100000 / b->count;
	if (b->s.options->json) {
		one_way_json(b, took, sent);
		return true;
	}
	printf("bench: %s: %" PRIu32 " messages of %" PRIu32 " bytes one way: %" PRIu64
	       " a second, notifications for 1000: %" PRIu64 ".%02" PRIu64 "\n",
	    session_who(&b->s, b->peer), b->count, b->size,
	    (uint64_t)b->count * 1000000000 / (took != 0 ? took : 1), sent / 100, sent % 100);
	return true;
}

/* Sleep until the count of doorbells differs from (seen), or for (limit_ns): the count then. */
static uint32_t doorbell_await(
    const struct ivsh_doorbell *doorbell, uint32_t seen, uint64_t limit_ns)
{
	uint64_t deadline = doorbell->now_ns(doorbell->ctx) + limit_ns;

	while (doorbell->count(doorbell->ctx) == seen && doorbell->now_ns(doorbell->ctx) < deadline)
		doorbell->sleep(doorbell->ctx, seen, deadline);
	return doorbell->count(doorbell->ctx);
}

/* Wait for a doorbell a little longer. False: in vain for too long, or time is over. */
static bool answer_await(struct bench *b, uint32_t seen, uint64_t waited_ns)
{
	if (waited_ns >= LOST_NS) {
		fprintf(stderr, "ivsh: bench: %s: no doorbell back: does it run ack?\n",
		    session_who(&b->s, b->peer));
		b->s.status = STATUS_TIMEOUT;
		return false;
	}
	return doorbell_await(&b->s.node->region.mem.doorbell, seen, CHECK_NS) != seen ||
	       session_check(&b->s);
}

/*
 * A doorbell there, a doorbell back, both sides asleep meanwhile, and no memory touched: the least
 * that a round trip with two interrupts costs on this machine. --wait does not matter here.
 */
static bool bench_ack(struct bench *b)
{
	const struct ivsh_doorbell *doorbell = &b->s.node->region.mem.doorbell;
	uint32_t seen = doorbell->count(doorbell->ctx), next;

	if (!ack_possible(&b->s, "bench"))
		return false;
	/* Until it has found us it answers nothing. */
	for (uint64_t waited = 0; doorbell->count(doorbell->ctx) == seen; waited += CHECK_NS) {
		doorbell->notify(doorbell->ctx, b->peer, BENCH_VECTOR);
		if (!answer_await(b, seen, waited))
			return false;
	}
	/* A doorbell of something else would count as the first answer, and shift all of them. */
	while ((next = doorbell_await(doorbell, seen, QUIET_NS)) != seen)
		seen = next;
	for (uint32_t i = 0; i < b->count; i++) {
		uint64_t start = doorbell->now_ns(doorbell->ctx), waited = 0;

		doorbell->notify(doorbell->ctx, b->peer, BENCH_VECTOR);
		for (; doorbell->count(doorbell->ctx) == seen; waited += CHECK_NS)
			if (!answer_await(b, seen, waited))
				return false;
		seen = doorbell->count(doorbell->ctx);
		b->times_ns[i] = doorbell->now_ns(doorbell->ctx) - start;
	}
	report_times(
	    &b->s, &(struct report_times){"bare doorbell round trips", "doorbell_round_trips",
		       b->peer, UINT32_MAX, 0, b->count, b->times_ns});
	return true;
}

static const struct {
	const char *name; /* the command that the peer runs */
	bool (*run)(struct bench *b);
	uint32_t count;
	const char *what; /* is timed; NULL: no single message is */
} kinds[] = {
    {"echo", bench_echo, 1000, "round trips of 8 bytes"},
    {"sink", bench_sink, 100000, NULL},
    {"ack", bench_ack, 1000, "bare doorbell round trips"},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* More of the times than a line. False after a line. */
static bool times_show(struct bench *b, unsigned kind)
{
	const struct world_plot *plot = b->s.world->plot;
	const struct world_times times = {
	    .command = kinds[kind].name,
	    .what = kinds[kind].what,
	    .peer = session_who(&b->s, b->peer),
	    .wait = options_wait_name(b->s.options->wait),
	    .world = b->s.world->name,
	    .times_ns = b->times_ns,
	    .count = b->count,
	};

	if (b->s.options->histogram && b->s.options->json)
		histogram_json(b->times_ns, b->count, b->s.options->word[0]);
	else if (b->s.options->histogram)
		histogram_print(b->times_ns, b->count);
	if (plot && plot->is_wanted())
		b->s.status = plot->draw(&times);
	else
		b->s.status = STATUS_DONE;
	return b->s.status == STATUS_DONE;
}

/* Find the peer and the memory, measure, report. False after a line. */
static bool run(struct bench *b, unsigned kind)
{
	int peer = session_find(&b->s, b->s.options->peer);
	bool is_timed = kinds[kind].what != NULL, ok;

	if (peer < 0)
		return false;
	b->s.status = STATUS_FAILED;
	b->peer = (uint32_t)peer;
	if (session_size(&b->s) || !session_answers(&b->s, b->peer))
		return false;
	session_await(&b->s, b->peer, "an answer from %s: does it run %s?",
	    session_who(&b->s, b->peer), kinds[kind].name);
	b->times_ns = is_timed ? malloc(b->count * sizeof(*b->times_ns)) : NULL;
	b->payload = calloc(1, b->size != 0 ? b->size : 1);
	ok = b->payload && (b->times_ns || !is_timed);
	if (!ok)
		fprintf(stderr, "ivsh: bench: no memory for %" PRIu32 " times\n", b->count);
	ok = ok && kinds[kind].run(b);
	if (ok && kinds[kind].run != bench_ack)
		report_wait(&b->s);
	ok = ok && (!is_timed || times_show(b, kind));
	free(b->times_ns);
	free(b->payload);
	return ok;
}

int bench_run(const struct world *world, const struct options *o)
{
	static struct bench b;
	bool plots = world->plot && world->plot->is_wanted(), ok;
	unsigned kind = 0;

	while (o->words > 1 && kind < KINDS && strcmp(o->word[1], kinds[kind].name) != 0)
		kind++;
	if (kind == KINDS) {
		fprintf(stderr, "ivsh: bench: %s: echo, sink or ack\n", o->word[1]);
		return STATUS_USAGE;
	}
	b = (struct bench){
	    .size = o->size, .count = o->given & OPTION_COUNT ? o->count : kinds[kind].count};
	if (b.count == 0 || b.count > COUNT_MAX) {
		fprintf(stderr, "ivsh: bench: --count=%" PRIu32 ": 1 to %u\n", b.count, COUNT_MAX);
		return STATUS_USAGE;
	}
	if (!kinds[kind].what && (plots || o->histogram)) {
		fprintf(stderr, "ivsh: bench sink: --%s: it times no single message: echo, ack\n",
		    plots ? "plot" : "histogram");
		return STATUS_USAGE;
	}
	if (plots && world->plot->open() != STATUS_DONE)
		return STATUS_FAILED;
	ok = session_open(&b.s, world, o, 0, 0) == 0;
	if (ok) {
		ok = run(&b, kind);
		session_close(&b.s);
	}
	if (plots)
		world->plot->close();
	return ok ? STATUS_DONE : b.s.status;
}
