/* SPDX-License-Identifier: MIT */
/*
 * ack.c - answers every doorbell with a doorbell, and uses no ring: what `bench ack` compares with.
 */
#include "app/bench.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

/* The keyboard and the heartbeat send no notification: the program checks them this often. */
#define CHECK_NS UINT64_C(20000000)

bool ack_possible(const struct session *s, const char *command)
{
	const struct ivsh_doorbell *doorbell = &s->node->region.mem.doorbell;

	if (doorbell->notify && doorbell->vectors != 0)
		return true;
	fprintf(stderr, "ivsh: %s: it takes doorbells, and there are none here\n", command);
	return false;
}

/*
 * Answer (count) doorbells of (peer), behind the (seen) that came before; 0: for ever. Answers the
 * exit status.
 */
static int answer_all(
    struct session *s, uint32_t peer, uint32_t count, uint32_t seen, uint64_t *answered)
{
	const struct ivsh_doorbell *doorbell = &s->node->region.mem.doorbell;

	session_await(s, IVSH_SELF_NONE, "a doorbell of %s", session_who(s, peer));
	while (count == 0 || *answered < count) {
		uint32_t now;

		doorbell->sleep(doorbell->ctx, seen, doorbell->now_ns(doorbell->ctx) + CHECK_NS);
		now = doorbell->count(doorbell->ctx);
		if (now == seen) {
			if (!session_check(s))
				return s->status;
			continue;
		}
		seen = now;
		doorbell->notify(doorbell->ctx, peer, BENCH_VECTOR);
		++*answered;
		if (!session_busy(s))
			return s->status;
	}
	return STATUS_DONE;
}

static void start_print(struct session *s, uint32_t peer)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, "start");
		json_u64(&json, "slot", s->self);
		json_u64(&json, "slots", s->slots);
		report_peer(&json, s, peer);
		json_end(&json);
	} else {
		printf("ack: answers the doorbells of %s\n", session_who(s, peer));
	}
}

static void answered_print(const struct session *s, uint64_t doorbells)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, "answered");
		json_u64(&json, "doorbells", doorbells);
		json_end(&json);
	} else {
		printf("ack: answered %" PRIu64 " doorbells\n", doorbells);
	}
}

int ack_run(const struct world *world, const struct options *o)
{
	uint64_t answered = 0;
	struct session s;
	int peer, status;

	if (session_open(&s, world, o, 0, 0))
		return s.status;
	s.endless = o->count == 0;
	peer = ack_possible(&s, "ack") ? session_find(&s, o->peer) : -1;
	status = s.status;
	if (peer >= 0) {
		const struct ivsh_doorbell *doorbell = &s.node->region.mem.doorbell;
		/* Before the line: who has read it rings. */
		uint32_t seen = doorbell->count(doorbell->ctx);

		start_print(&s, (uint32_t)peer);
		status = output_flush();
		if (status == STATUS_DONE)
			status = answer_all(&s, (uint32_t)peer, o->count, seen, &answered);
		answered_print(&s, answered);
	}
	session_close(&s);
	return status;
}
