/* SPDX-License-Identifier: MIT */
/*
 * sink.c - takes what `bench sink` streams, and looks at nothing but its length.
 */
#include "app/bench.h"
#include "app/commands.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

struct sink {
	struct session s;
	uint64_t messages, bytes;
};

/* Take all that slot (slot) has sent, a ring's worth at most: others wait too. True: some. */
static bool take(struct sink *sink, uint32_t slot)
{
	struct ivsh_chan *chan = &sink->s.chan[slot];
	uint32_t i;

	for (i = 0; i < sink->s.region.geometry.descs; i++) {
		struct ivsh_message message;

		if (!session_peek(&sink->s, slot, &message))
			break;
		if (message.port == BENCH_PORT) {
			sink->messages++;
			sink->bytes += message.size;
		}
		if (ivsh_chan_release(chan))
			break;
	}
	return i != 0;
}

int sink_run(const struct app_world *world, const struct options *o)
{
	static struct sink sink;
	struct session *s = &sink.s;
	bool ok = true;

	sink.messages = sink.bytes = 0;
	if (!session_open(s, world, o))
		return s->status;
	printf("sink: slot %" PRIu32 " of %" PRIu32 " takes\n", s->region.mem.self, s->slots);
	while (ok && !(o->count_given && sink.messages >= o->count)) {
		bool some = false;

		for (uint32_t i = 0; i < s->slots; i++)
			some |= take(&sink, i);
		if (!some)
			ok = session_idle(s);
	}
	printf("sink: took %" PRIu64 " messages, %" PRIu64 " bytes\n", sink.messages, sink.bytes);
	report_bells(s, "sink");
	session_close(s);
	return ok ? STATUS_DONE : s->status;
}
