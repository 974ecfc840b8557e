/* SPDX-License-Identifier: MIT */
/*
 * next_test.c - the next message of any of many channels: in turn, and with hints that may be lost.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

#define SENDERS (WORLD_SLOTS - 1)

/* Slot 0 receives; the others send to it. */
static struct ivsh_region hub;
static struct ivsh_chan chans[WORLD_SLOTS];
static struct ivsh_record records[WORLD_SLOTS][64];
static struct end senders[WORLD_SLOTS];
static uint8_t in[8192];

static void open_hub(void)
{
	struct ivsh_mem mem = world_mem(0);
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 12345};

	CHECK_EQ(ivsh_region_attach(&hub, &mem, &attach), 0);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		CHECK_EQ(ivsh_chan_open(&chans[i], &hub, i, records[i], 64), 0);
}

static void open_all(void)
{
	world_format();
	open_hub();
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		CHECK_EQ(end_open(&senders[i], i, 0, false), 0);
}

static void send(uint32_t from, uint16_t port)
{
	CHECK_EQ(ivsh_chan_send(&senders[from].chan, port, &from, sizeof(from)), 0);
}

/* Take the next message: its sender, or an error. */
static int take(uint16_t *port)
{
	struct ivsh_message message;
	struct ivsh_chan *chan;
	uint32_t from;
	int error = ivsh_region_next(&hub, &chan, &message);

	if (error)
		return error;
	CHECK_EQ(ivsh_chan_receive(chan, &message, in, sizeof(in)), 0);
	memcpy(&from, in, sizeof(from));
	CHECK_EQ(from, chan->peer);
	if (port)
		*port = message.port;
	return (int)from;
}

/* Each sender that has a message is served once before any is served twice. SPEC R8.6. */
static void in_turn(void)
{
	open_all();
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	for (uint16_t n = 0; n < 20; n++)
		for (uint32_t i = 1; i < WORLD_SLOTS; i++)
			send(i, n);
	for (unsigned round = 0; round < 20; round++) {
		uint32_t served = 0;

		for (uint32_t i = 1; i < WORLD_SLOTS; i++) {
			uint16_t port = 99;
			int from = take(&port);

			CHECK_EQ(port, round);
			CHECK(from > 0);
			served |= 1u << from;
		}
		CHECK_EQ(served, 0xfe);
	}
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	/* Some senders never pause, and another one comes: it waits for each of them once at the
	 * most. */
	for (uint32_t i = 1; i < 7; i++)
		send(i, 0);
	for (unsigned n = 0; n < 1000; n++) {
		int from = take(NULL);
		unsigned waited = 0;

		NEED_EQ(from > 0 && from < 7, 1);
		send((uint32_t)from, 0);
		if (n % 10 != 0)
			continue;
		send(7, 0);
		while ((from = take(NULL)) != 7 && waited < 100) {
			send((uint32_t)from, 0);
			waited++;
		}
		CHECK(waited <= 6);
	}
}

/* A hint that was lost costs time, never the message. SPEC R8.6.4, R17.5. */
static void hint_lost(void)
{
	unsigned calls;

	open_all();
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	send(3, 0);
	CHECK_EQ(take(NULL), 3);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	send(3, 0);
	--*world_pending(3, 0);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	world.now_ns += IVSH_POLL_NS - 1;
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	world.now_ns++;
	CHECK_EQ(take(NULL), 3);
	/* Time alone does not find the message while others go on sending. */
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	send(3, 0);
	--*world_pending(3, 0);
	for (calls = 0; calls < 1000; calls++) {
		send(5, 0);
		if (take(NULL) == 3)
			break;
	}
	CHECK(calls <= 256);
	/* A superfluous hint costs one poll. */
	while (take(NULL) > 0)
		;
	for (unsigned i = 0; i < 1000; i++) {
		++*world_pending(i % WORLD_SLOTS, 0);
		CHECK_EQ(take(NULL), IVSH_EAGAIN);
	}
	/* A sender leaves no hint that was not requested. */
	CHECK_EQ(*world_pending(0, 1), 0);
	CHECK_EQ(ivsh_chan_send(&chans[1], 1, "x", 1), 0);
	CHECK_EQ(*world_pending(0, 1), 0);
}

/* A burst is one hint: the ring was empty once. */
static void one_hint(void)
{
	uint8_t before;

	open_all();
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	before = *world_pending(2, 0);
	for (uint16_t n = 0; n < 30; n++)
		send(2, n);
	CHECK_EQ((uint8_t)(*world_pending(2, 0) - before), 1);
	for (uint16_t n = 0; n < 30; n++)
		CHECK_EQ(take(NULL), 2);
	send(2, 0);
	CHECK_EQ((uint8_t)(*world_pending(2, 0) - before), 1);
	CHECK_EQ(take(NULL), 2);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	send(2, 0);
	CHECK_EQ((uint8_t)(*world_pending(2, 0) - before), 2);
	CHECK_EQ(take(NULL), 2);
}

/* A message that is held holds up its own channel only. */
static void held(void)
{
	struct ivsh_message first, message;
	struct ivsh_chan *chan, *other;

	open_all();
	send(1, 0);
	send(1, 1);
	NEED_EQ(ivsh_region_next(&hub, &chan, &first), 0);
	CHECK_EQ(ivsh_region_next(&hub, &other, &message), IVSH_EAGAIN);
	send(2, 0);
	CHECK_EQ(take(NULL), 2);
	CHECK_EQ(ivsh_region_next(&hub, &other, &message), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_release(chan), 0);
	CHECK_EQ(take(NULL), 1);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
}

/*
 * A broken channel is reported once. After a reset it is served again; a closed one is not. R9.3.
 */
static void broken(void)
{
	struct ivsh_message message;
	struct ivsh_chan *chan;

	open_all();
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	world_desc(4, 0, 0)->control = UINT64_C(1) << 48 | 3u << 28;
	--*world_pending(4, 0);
	NEED_EQ(ivsh_region_next(&hub, &chan, &message), IVSH_EPROTO);
	CHECK_EQ(chan->peer, 4);
	send(5, 0);
	CHECK_EQ(take(NULL), 5);
	for (unsigned i = 0; i < 600; i++)
		CHECK_EQ(take(NULL), IVSH_EAGAIN);
	NEED_EQ(ivsh_chan_reset(chan), 0);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_send(&senders[4].chan, 0, "x", 1), IVSH_EAGAIN);
	/* A hint says so: no time passes. */
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	send(4, 0);
	CHECK_EQ(take(NULL), 4);
	send(4, 0);
	send(6, 0);
	send(7, 0);
	CHECK_EQ(take(NULL) > 0, 1);
	ivsh_chan_close(&chans[7]);
	ivsh_chan_close(&chans[4]);
	ivsh_chan_close(&chans[6]);
	CHECK_EQ(take(NULL), IVSH_EAGAIN);
	NEED_EQ(ivsh_chan_open(&chans[6], &hub, 6, records[6], 64), 0);
	NEED_EQ(ivsh_chan_open(&chans[7], &hub, 7, records[7], 64), 0);
	CHECK(take(NULL) >= 6);
	ivsh_region_detach(&hub);
	CHECK_EQ(take(NULL), IVSH_ELOST);
}

/*
 * Senders and hub restart, hints are lost, waits come in between: all arrives in order. SPEC R7.1.
 */
static void any_order(void)
{
	uint16_t put[WORLD_SLOTS] = {0}, got[WORLD_SLOTS] = {0};
	const struct ivsh_wait spin = {.mode = IVSH_WAIT_POLL};
	uint32_t seed = 31, events, total = 0;

	open_all();
	for (unsigned step = 0; step < 60000; step++) {
		uint32_t dice = world_random(&seed) % 1000, who = 1 + world_random(&seed) % SENDERS;

		if (dice < 480) {
			if (ivsh_chan_send(&senders[who].chan, put[who], &who, sizeof(who)) == 0)
				put[who]++;
		} else if (dice < 970) {
			struct ivsh_message message;
			struct ivsh_chan *chan;
			int error = ivsh_region_next(&hub, &chan, &message);

			if (error == IVSH_EAGAIN) {
				NEED_EQ(ivsh_region_wait(&hub, &spin, 1000, &events), 0);
				continue;
			}
			NEED_EQ(error, 0);
			who = chan->peer;
			if (message.flags == 0)
				NEED_EQ(message.port, got[who]);
			if (message.port == got[who])
				got[who]++;
			total++;
			NEED_EQ(ivsh_chan_release(chan), 0);
		} else if (dice < 990) {
			*world_pending(who, 0) = (uint8_t)world_random(&seed);
		} else if (dice < 998) {
			end_kill(&senders[who]);
			NEED_EQ(end_open(&senders[who], who, 0, false), 0);
		} else {
			memset(&hub, 0xee, sizeof(hub));
			open_hub();
		}
	}
	world.now_ns += IVSH_POLL_NS;
	while (take(NULL) > 0)
		total++;
	CHECK(total > 20000);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		CHECK_EQ(put[i] - got[i] <= 64, 1);
}

static const struct test tests[] = {
    {"in turn", in_turn},
    {"a hint is lost", hint_lost},
    {"one hint for a burst", one_hint},
    {"held messages", held},
    {"broken channels", broken},
    {"any order", any_order},
};

int main(void)
{
	return test_main("next", tests, sizeof(tests) / sizeof(tests[0]));
}
