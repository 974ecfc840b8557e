/* SPDX-License-Identifier: MIT */
/*
 * ack.c - answers every bell with a bell, and uses no ring: what `bench ack` compares with.
 */
#include "app/bench.h"
#include "app/commands.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

/* The keyboard and the heartbeat ring no bell: they are seen to this often. */
#define LOOK_NS UINT64_C(20000000)

bool ack_possible(const struct session *s, const char *command)
{
	const struct ivsh_doorbell *doorbell = &s->region.mem.doorbell;

	if (doorbell->notify && doorbell->vectors != 0)
		return true;
	fprintf(stderr, "ivsh: %s: it takes bells, and this device or this machine has none\n",
	    command);
	return false;
}

int ack_run(const struct app_world *world, const struct options *o)
{
	uint64_t answered = 0;
	struct session s;
	int peer = -1;
	bool ok;

	if (!session_open(&s, world, o))
		return s.status;
	ok = ack_possible(&s, "ack");
	if (ok)
		peer = session_find_peer(&s, o->peer);
	if (peer >= 0) {
		const struct ivsh_doorbell *doorbell = &s.region.mem.doorbell;
		uint32_t seen = doorbell->count(doorbell->ctx);

		printf("ack: answers the bells of %s\n", session_who(&s, (uint32_t)peer));
		while (ok && !(o->count_given && answered >= o->count)) {
			uint32_t count;

			doorbell->sleep(
			    doorbell->ctx, seen, doorbell->now_ns(doorbell->ctx) + LOOK_NS);
			count = doorbell->count(doorbell->ctx);
			if (count != seen) {
				seen = count;
				doorbell->notify(doorbell->ctx, (uint32_t)peer, BENCH_VECTOR);
				answered++;
			} else {
				ok = session_look(&s);
			}
		}
		printf("ack: answered %" PRIu64 " bells\n", answered);
	}
	session_close(&s);
	return ok && peer >= 0 ? STATUS_DONE : s.status;
}
