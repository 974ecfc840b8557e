/* SPDX-License-Identifier: MIT */
/*
 * sink.c - takes what `bench sink` streams, and reads nothing but its length.
 */
#include "app/bench.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	MESSAGES,
	BYTES
};

static const struct session_metric metrics[] = {
    [MESSAGES] = {"sink_messages", IVSH_METRIC_COUNTER},
    [BYTES] = {"sink_bytes", IVSH_METRIC_COUNTER},
    {NULL, IVSH_METRIC_COUNTER},
};

struct sink {
	struct session s;
	uint64_t messages, bytes;
};

/* Take all that slot (slot) has sent, a ring's worth at most: others wait too. True: some. */
static bool take(struct sink *sink, uint32_t slot)
{
	struct ivsh_chan *chan = session_chan(&sink->s, slot);
	uint32_t i;

	for (i = 0; i < sink->s.node->region.geometry.descs; i++) {
		struct ivsh_message message;

		if (!session_peek(&sink->s, slot, &message))
			break;
		/* What was moved meanwhile is none. */
		if (ivsh_chan_release(chan))
			break;
		if (message.port == BENCH_PORT) {
			sink->messages++;
			sink->bytes += message.size;
		}
	}
	return i != 0;
}

/* Take (count) messages; 0: for ever. Answers the exit status. */
static int take_all(struct sink *sink, uint32_t count)
{
	struct session *s = &sink->s;

	session_await(s, IVSH_SELF_NONE, "a message on port %u", BENCH_PORT);
	while (count == 0 || sink->messages < count) {
		bool some = false;

		for (uint32_t i = 0; i < s->slots; i++)
			some |= take(sink, i);
		if (some) {
			ivsh_metric_set(&s->metric[MESSAGES], (int64_t)sink->messages);
			ivsh_metric_set(&s->metric[BYTES], (int64_t)sink->bytes);
		}
		if (!(some ? session_busy(s) : session_idle(s)))
			return s->status;
	}
	return STATUS_DONE;
}

static void taken_print(const struct sink *sink)
{
	struct json json;

	if (sink->s.options->json) {
		report_begin(&json, &sink->s, "taken");
		json_u64(&json, "messages", sink->messages);
		json_u64(&json, "bytes", sink->bytes);
		json_end(&json);
	} else {
		printf("sink: took %" PRIu64 " messages, %" PRIu64 " bytes\n", sink->messages,
		    sink->bytes);
	}
}

int sink_run(const struct world *world, const struct options *o)
{
	static struct sink sink;
	struct session *s = &sink.s;
	int status;

	sink.messages = sink.bytes = 0;
	if (session_open(s, world, o, 0, 0))
		return s->status;
	s->endless = o->count == 0;
	s->goes_on = true;
	session_metrics(s, metrics);
	report_start(s, "takes");
	status = output_flush();
	if (status == STATUS_DONE)
		status = take_all(&sink, o->count);
	taken_print(&sink);
	report_wait(s);
	session_close(s);
	return status;
}
