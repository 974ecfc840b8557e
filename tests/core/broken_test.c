/* SPDX-License-Identifier: MIT */
/*
 * broken_test.c - a channel breaks in a call for another one: a receiver of many channels learns of
 * it, once.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

#define HEAD(wrap, port, rest) ((uint64_t)(wrap) << 48 | (uint64_t)(port) << 32 | (uint64_t)(rest))
#define HOT (1u << 28)

/* Slot 0 receives; the others send to it. */
static struct ivsh_region hub;
static struct ivsh_chan chans[WORLD_SLOTS];
static struct ivsh_record records[WORLD_SLOTS][64];
static struct end senders[WORLD_SLOTS];

static void open_all(void)
{
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 12345};
	struct ivsh_mem mem;

	world_format();
	mem = world_mem(0);
	CHECK_EQ(ivsh_region_attach(&hub, &mem, &attach), 0);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++) {
		CHECK_EQ(ivsh_chan_open(&chans[i], &hub, i, records[i], 64), 0);
		CHECK_EQ(end_open(&senders[i], i, 0, false), 0);
	}
}

/* A third peer writes over one of the hub's own words in its rings with (slot). */
static void damage(uint32_t slot, bool sending)
{
	if (sending)
		world_ring(0, slot).sender->generation ^= 0x5a5a;
	else
		world_ring(slot, 0).receiver->read ^= 0x5a5a;
}

static void send(uint32_t from)
{
	CHECK_EQ(ivsh_chan_send(&senders[from].chan, 7, &from, sizeof(from)), 0);
}

/* The events of one wait of the hub. */
static uint32_t wait(enum ivsh_wait_mode mode, uint32_t wanted)
{
	const struct ivsh_wait how = {.mode = mode, .spin_ns = 50000, .wanted = wanted};
	uint32_t events = 0;

	CHECK_EQ(ivsh_region_wait(&hub, &how, 150000000, &events), 0);
	return events;
}

/* A message of (from) arrives, after a reset that both sides have followed. */
static void arrives(uint32_t from)
{
	struct ivsh_message message = {0};
	int error = IVSH_EAGAIN;

	for (unsigned i = 0; i < 8 && error; i++) {
		int sent = ivsh_chan_send(&senders[from].chan, 7, &from, sizeof(from));

		CHECK(sent == 0 || sent == IVSH_EAGAIN);
		error = ivsh_chan_peek(&chans[from], &message);
	}
	CHECK_EQ(error, 0);
	CHECK_EQ(message.size, sizeof(from));
	CHECK_EQ(ivsh_chan_release(&chans[from]), 0);
}

/*
 * A broken channel ends a wait, in each mode and whichever side's word was damaged; one reset mends
 * it.
 */
static void a_wait_ends(void)
{
	for (unsigned i = 0; i < 6; i++) {
		enum ivsh_wait_mode mode = (enum ivsh_wait_mode)(i % 3);

		open_all();
		CHECK_EQ(wait(mode, 0) & IVSH_EVENT_BROKEN, 0);
		damage(3, i / 3);
		CHECK_EQ(wait(mode, 0), IVSH_EVENT_BROKEN);
		CHECK(chans[3].dead);
		CHECK_EQ(wait(mode, 0), 0); /* once */
		CHECK_EQ(ivsh_chan_reset(&chans[3]), 0);
		arrives(3);
		for (uint32_t other = 1; other < WORLD_SLOTS; other++)
			CHECK(!chans[other].dead);
	}
}

/* A call for another channel finds the damage before the wait polls: the next wait reports it. */
static void found_elsewhere(void)
{
	open_all();
	CHECK_EQ(wait(IVSH_WAIT_SLEEP, 0) & IVSH_EVENT_BROKEN, 0);
	damage(3, false);
	for (unsigned i = 0; i < 600 && !chans[3].dead; i++) {
		struct ivsh_message message;

		CHECK_EQ(ivsh_chan_peek(&chans[5], &message), IVSH_EAGAIN);
	}
	CHECK(chans[3].dead);
	CHECK_EQ(wait(IVSH_WAIT_SPIN, IVSH_EVENT_MESSAGE), 0); /* the wait did not ask for it */
	CHECK_EQ(wait(IVSH_WAIT_SPIN, IVSH_EVENT_MESSAGE | IVSH_EVENT_BROKEN), IVSH_EVENT_BROKEN);
}

/* ivsh_region_next() answers it once, between the others' messages; (hold): with one in hand. */
static void next_tells(bool hold)
{
	struct ivsh_message message;
	struct ivsh_chan *chan = NULL;
	unsigned told = 0, messages = 0;

	open_all();
	if (hold) {
		send(3);
		CHECK_EQ(ivsh_region_next(&hub, &chan, &message), 0);
		CHECK(chan == &chans[3]);
	}
	damage(3, !hold);
	for (unsigned i = 0; i < 2000; i++) {
		int error;

		if (i % 10 == 0)
			send(5);
		error = ivsh_region_next(&hub, &chan, &message);
		if (error == 0) {
			CHECK_EQ(chan->peer, 5);
			CHECK_EQ(ivsh_chan_release(chan), 0);
			messages++;
		} else if (error == IVSH_EPROTO) {
			CHECK_EQ(chan->peer, 3);
			told++;
		} else {
			CHECK_EQ(error, IVSH_EAGAIN);
		}
	}
	CHECK_EQ(told, 1);
	CHECK_EQ(messages, 200);
	CHECK_EQ(ivsh_chan_reset(&chans[3]), 0);
	arrives(3);
}

static void next_tells_of_an_idle_one(void)
{
	next_tells(false);
}

static void next_tells_of_a_held_one(void)
{
	next_tells(true);
}

/* The open itself reports a channel that it refuses; a reset mends it. */
static void refused_by_open(void)
{
	struct ivsh_message message;
	struct ivsh_chan *chan;

	open_all();
	ivsh_chan_close(&chans[3]);
	/* Each follows the last one, and together they are more than the area. */
	for (uint32_t n = 0; n < 5; n++) {
		world_desc(0, 3, n)->body = n * 1024;
		world_desc(0, 3, n)->control = HEAD(1, 1, HOT | 1024);
	}
	CHECK_EQ(ivsh_chan_open(&chans[3], &hub, 3, records[3], 64), IVSH_EPROTO);
	for (unsigned i = 0; i < 600; i++)
		CHECK_EQ(ivsh_region_next(&hub, &chan, &message), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_reset(&chans[3]), 0);
	arrives(3);
}

static const struct test tests[] = {
    {"a wait ends", a_wait_ends},
    {"found in a call for another channel", found_elsewhere},
    {"next tells of an idle one", next_tells_of_an_idle_one},
    {"next tells of one with a message in hand", next_tells_of_a_held_one},
    {"refused by open", refused_by_open},
};

int main(void)
{
	return test_main("broken", tests, sizeof(tests) / sizeof(tests[0]));
}
