/* SPDX-License-Identifier: MIT */
/*
 * wake.c - a message, or room for one (ROOM), for a side that goes to sleep. Its flags are set
 * already, long ago (SPEC R8.7). While it sleeps its request stands, so the other side, once it is
 * done, has notified it.
 */
#include "tests/weak/world.h"

#include "core/receiver.h"

#include <pthread.h>

static uint64_t out = 7, in;
static uint32_t events;
static const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
static pthread_t other;

#ifdef ROOM
#define SLEEPER 0
#else
#define SLEEPER 1
#endif

/* The one that is awake sends a message, or takes one. */
static void *bring(void *arg)
{
#ifdef ROOM
	struct ivsh_message message;

	CHECK(ivsh_chan_receive(&ends[1].chan, &message, &in, sizeof(in)) == 0);
	CHECK(ivsh_receiver_publish(&ends[1].chan) == 0);
#else
	CHECK(ivsh_chan_send(&ends[0].chan, 1, &out, sizeof(out)) == 0);
#endif
	return arg;
}

/* Nothing but a doorbell ends a sleep. */
static void sleep_on(void)
{
	pthread_join(other, NULL);
	CHECK(ends[1 - SLEEPER].rings == 1);
}

int main(void)
{
	world_open();
#ifdef ROOM
	for (unsigned i = 0; i < DESCS; i++)
		CHECK(ivsh_chan_send(&ends[0].chan, 1, &out, sizeof(out)) == 0);
	CHECK(ivsh_chan_send(&ends[0].chan, 1, &out, sizeof(out)) == IVSH_EAGAIN);
#endif
	CHECK(ivsh_region_wait(&ends[SLEEPER].region, &wait, 1000, &events) == 0);
	ends[SLEEPER].now_ns += 1000000000;
	ends[SLEEPER].on_sleep = sleep_on;
	pthread_create(&other, NULL, bring, NULL);
	CHECK(ivsh_region_wait(&ends[SLEEPER].region, &wait, 1000000, &events) == 0);
	CHECK(events != 0);
	return 0;
}
