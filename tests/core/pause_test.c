/* SPDX-License-Identifier: MIT */
/*
 * pause_test.c - a machine is stopped at every access that a call makes, for so long that another
 * claims its slot, and then goes on. SPEC R5.2, R5.6, R6.6.
 *
 * Slot 0 is the first owner's, and then the second's; slot 1 is the peer of both. While the first
 * is in a call, before each of its accesses in turn, all of this happens: time passes, the second
 * claims the slot, both rings carry messages. Then the first goes on. Its next call must answer
 * that the slot is lost. Of the messages that the second and its peer have sent since, none may be
 * missing or changed, unless a loss is reported to both sides. A loss is allowed only where the
 * first was stopped between its check and its store. The hook of lib/core/atomic.h does the
 * stopping. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

#include <string.h>

#define SENT 40u /* messages of the second owner, and to it */

static struct end first, second, peer;
static uint32_t stop_at, accesses; /* the access before which the first is stopped; 0: none */
static uint32_t first_seen;        /* messages that the peer had of the first */
static uint32_t put, got;          /* of the second, accepted and delivered */
static uint32_t back_put, back_got;
static bool foreign;

static int attach(struct end *end, uint32_t self, uint64_t nonce)
{
	struct ivsh_mem mem = world_mem(self);
	struct ivsh_attach how = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = nonce,
	    .claim = self == 0 ? ivsh_attach_claim : NULL};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, 64);
}

/*
 * Ports say whose a message is: 1 the first's, 2 the second's, 3 the peer's; its bytes its
 * number.
 */
static void peer_takes(void)
{
	struct ivsh_message message;
	uint32_t words[128];

	while (ivsh_chan_receive(&peer.chan, &message, words, sizeof(words)) == 0) {
		if (message.port == 1) {
			first_seen++;
			foreign |= put != 0; /* behind what the second has sent */
			continue;
		}
		CHECK_EQ(message.port, 2);
		CHECK_EQ(message.size, got % 2 ? 8 : 128);
		for (uint32_t i = 0; i < message.size / 4; i++)
			CHECK_EQ(words[i], got);
		got++;
	}
}

static void second_takes(void)
{
	struct ivsh_message message;
	uint32_t words[2];

	/* On port 4: messages that were there for the first. */
	while (ivsh_chan_receive(&second.chan, &message, words, sizeof(words)) == 0)
		if (message.port == 3)
			CHECK_EQ(words[0], back_got++);
}

static void second_sends(uint32_t count)
{
	uint32_t words[32];

	for (uint32_t end = put + count; put < end; put++) {
		for (uint32_t i = 0; i < 32; i++)
			words[i] = put;
		if (ivsh_chan_send(&second.chan, 2, words, put % 2 ? 8 : sizeof(words)) != 0)
			return;
	}
}

static void peer_sends(uint32_t count)
{
	for (uint32_t end = back_put + count; back_put < end; back_put++)
		if (ivsh_chan_send(&peer.chan, 3, &back_put, 4) != 0)
			return;
}

static void both_talk(void)
{
	peer_takes();
	second_takes();
	second_sends(SENT / 4);
	peer_sends(SENT / 4);
}

static uint32_t talks; /* 1: the second's messages are under way where the first's is to come */

/* The first stands still. Another is started in its place, and does some work. */
static void meanwhile(void)
{
	CHECK_EQ(attach(&second, 0, 2), 0);
	for (unsigned i = 0; i < talks; i++)
		both_talk();
	CHECK(put >= SENT / 4);
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	(void)word;
	(void)size;
	if (stop_at == 0 || kind == HOOK_STORED || ++accesses != stop_at)
		return;
	stop_at = 0;
	meanwhile();
}

/* --- The calls of the first ------------------------------------------------------------------- */

static uint8_t bytes[4096];

static int call_send(void)
{
	return ivsh_chan_send(&first.chan, 1, bytes, 8);
}

static int call_send_large(void)
{
	return ivsh_chan_send(&first.chan, 1, bytes, 300);
}

static int call_send_batch(void)
{
	struct ivsh_message batch[8];
	uint32_t sent;

	for (unsigned i = 0; i < 8; i++)
		batch[i] = (struct ivsh_message){bytes, i % 2 ? 8 : 60, 1, 0};
	return ivsh_chan_send_batch(&first.chan, batch, 8, &sent);
}

static int call_publish(void)
{
	void *payload;
	int error = ivsh_chan_reserve(&first.chan, 8, &payload);

	return error ? error : ivsh_chan_publish(&first.chan, 1);
}

static int call_receive(void)
{
	struct ivsh_message message;

	return ivsh_chan_receive(&first.chan, &message, bytes, sizeof(bytes));
}

static int call_receive_batch(void)
{
	struct ivsh_message batch[8];
	uint32_t received;

	return ivsh_chan_receive_batch(&first.chan, batch, 8, bytes, sizeof(bytes), &received);
}

static int call_wait(void)
{
	return world_wait(&first.region, 1000000);
}

static const struct {
	const char *name;
	int (*call)(void);
	uint32_t unsafe; /* accesses, at the most, where it can do harm, which is then reported */
} calls[] = {
    {"send", call_send, 2},
    {"send large", call_send_large, 3},
    {"send batch", call_send_batch, 8},
    {"publish", call_publish, 2},
    {"receive", call_receive, 0},
    {"receive batch", call_receive_batch, 0},
    {"wait", call_wait, 0},
};

/* The first has slot 0, and talked for a while. */
static void begin(void)
{
	struct ivsh_message message;

	world_format();
	stop_at = first_seen = put = got = back_put = back_got = 0;
	foreign = false;
	CHECK_EQ(attach(&first, 0, 1), 0);
	CHECK_EQ(attach(&peer, 1, 3), 0);
	for (unsigned i = 0; i < 70; i++) {
		CHECK_EQ(ivsh_chan_send(&first.chan, 1, bytes, i % 3 ? 8 : 300), 0);
		CHECK_EQ(ivsh_chan_send(&peer.chan, 4, bytes, 8), 0);
		CHECK_EQ(ivsh_chan_receive(&first.chan, &message, bytes, sizeof(bytes)), 0);
		if (i % 7)
			peer_takes();
	}
	/* Messages that the first has not taken. */
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(ivsh_chan_send(&peer.chan, 4, bytes, 8), 0);
}

/*
 * One stop of (call), before access (at). False: it makes fewer. *harm: a loss was reported.
 */
static bool stopped(int (*call)(void), uint32_t at, bool *harm)
{
	bool told;

	begin();
	accesses = 0;
	stop_at = at;
	(void)call();
	if (stop_at != 0) {
		stop_at = 0;
		return false;
	}
	/* The first learns of the loss with its next call, and its calls store nothing any more. */
	CHECK_EQ(call_send(), IVSH_ELOST);
	CHECK_EQ(call_receive(), IVSH_ELOST);
	CHECK_EQ(call_wait(), IVSH_ELOST);
	for (unsigned i = 0; i < 20; i++) {
		both_talk();
		(void)world_wait(&second.region, 1);
		(void)world_wait(&peer.region, 1);
	}
	peer_takes();
	second_takes();
	CHECK(!foreign);
	told = second.chan.dead || peer.chan.dead;
	*harm = told;
	if (!told) {
		CHECK_EQ(got, put);
		CHECK_EQ(back_got, back_put);
		CHECK(put > 100);
	}
	return true;
}

static void every_stop(void)
{
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint32_t harms = 0, at;
		bool harm = false;

		test_row(calls[i].name);
		for (talks = 1; talks <= 3; talks += 2) {
			for (at = 1; stopped(calls[i].call, at, &harm); at++)
				harms += harm;
			CHECK(at > 3);
		}
		CHECK(harms <= calls[i].unsafe);
	}
}

/* Stopped between two calls, which is where it mostly is: nothing at all is lost. */
static void between_calls(void)
{
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		test_row(calls[i].name);
		talks = 1 + 2 * (i & 1);
		begin();
		meanwhile();
		CHECK_EQ(calls[i].call(), IVSH_ELOST);
		CHECK_EQ(calls[i].call(), IVSH_ELOST);
		for (unsigned n = 0; n < 20; n++)
			both_talk();
		peer_takes();
		second_takes();
		CHECK(!second.chan.dead);
		CHECK(!peer.chan.dead);
		CHECK_EQ(got, put);
		CHECK_EQ(back_got, back_put);
		CHECK(put > 100);
	}
}

static const struct test tests[] = {
    {"between calls", between_calls},
    {"every stop", every_stop},
};

int main(void)
{
	return test_main("pause", tests, sizeof(tests) / sizeof(tests[0]));
}
