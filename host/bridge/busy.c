/* SPDX-License-Identifier: MIT */
/*
 * busy.c - when a bridge goes on polling for a while before it sleeps.
 */
#include "bridge/busy.h"

#define STREAM_BYTES 1024u /* a message that is larger is no question and no answer */
#define STREAM_NS UINT64_C(10000000)
/* A turn of a bridge, or of a program that answers, takes a tenth of it. */
#define CROWDED_NS UINT64_C(500000)
#define PAUSE_LEAST_NS UINT64_C(20000000)
#define PAUSE_MOST_NS UINT64_C(500000000)
#define MISSES_MOST 8u
#define PASSED_MOST 16u

void busy_moved(struct busy *busy, uint64_t messages, uint64_t bytes)
{
	busy->has_moved |= messages != 0;
	busy->is_stream |= messages > 1 || bytes > STREAM_BYTES;
}

/* Whether polls have brought something of late, or it is time to try again. */
static bool is_worth(struct busy *busy)
{
	if (busy->misses < MISSES_MOST)
		return true;
	busy->passed = (busy->passed + 1) % PASSED_MOST;
	return busy->passed == 0;
}

void busy_turn(struct busy *busy, uint64_t most_ns, uint64_t now)
{
	if (busy->is_stream)
		busy->stream_ns = now;
	if (most_ns == 0 || now < busy->crowded_ns ||
	    (busy->stream_ns != 0 && now - busy->stream_ns < STREAM_NS))
		busy->until_ns = 0;
	else if (busy->has_moved)
		busy->until_ns = is_worth(busy) ? now + most_ns : 0;
	busy->has_moved = busy->is_stream = false;
}

bool busy_goes_on(struct busy *busy, uint64_t now)
{
	if (busy->until_ns == 0)
		return false;
	if (now < busy->until_ns)
		return true;
	busy->until_ns = 0;
	busy->misses++;
	return false;
}

void busy_found(struct busy *busy)
{
	busy->misses = 0;
}

void busy_yielded(struct busy *busy, uint64_t from, uint64_t now)
{
	if (now - from < CROWDED_NS)
		return;
	/* Long since: that was another one. */
	if (now - busy->crowded_ns > PAUSE_MOST_NS)
		busy->pause_ns = 0;
	busy->pause_ns = busy->pause_ns ? 2 * busy->pause_ns : PAUSE_LEAST_NS;
	if (busy->pause_ns > PAUSE_MOST_NS)
		busy->pause_ns = PAUSE_MOST_NS;
	busy->crowded_ns = now + busy->pause_ns;
	busy->until_ns = 0;
}
