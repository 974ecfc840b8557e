/* SPDX-License-Identifier: MIT */
/*
 * window_test.c - where a sender puts payloads: at an area's beginning again while the receiver
 * keeps up, and else further on, so that the whole area is a queue.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/receiver.h"

#include <string.h>

#define SMALL 65536u
#define LARGE 131072u
#define WINDOW 4096u
#define DESCS 64u

static struct end a, b;
static uint8_t out[LARGE], in[LARGE];

static void fill(uint8_t *bytes, uint32_t size, uint32_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(world_random(&seed));
}

/* Areas that are larger than the window, and both ends of the ring. */
static void open_both(void)
{
	struct ivsh_geometry geometry = {2, DESCS, SMALL, LARGE, 0};

	world_format_as(&geometry);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
}

/* Send message (n), of (size) bytes. Answers where it stands in the small area. */
static uint32_t send(uint32_t n, uint32_t size)
{
	uint32_t index = a.chan.tx.head;

	fill(out, size, n);
	CHECK_EQ(ivsh_chan_send(&a.chan, (uint16_t)n, out, size), 0);
	return (uint32_t)world_desc(0, 1, index)->body % SMALL;
}

/* Receive message (n), of (size) bytes, and check it byte by byte. */
static void receive(uint32_t n, uint32_t size)
{
	struct ivsh_message message;

	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	NEED_EQ(message.size, size);
	CHECK_EQ(message.port, (uint16_t)n);
	fill(out, size, n);
	NEED_EQ(memcmp(in, out, size), 0);
}

/* The receiver has found the ring empty, and published its read index. */
static void find_empty(void)
{
	struct ivsh_message message;

	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
}

/*
 * While the receiver keeps up, payloads stay in the window: also with one message in flight when
 * the sender goes back. SPEC R7.6.2, R7.6.3.
 */
static void keeps_up(void)
{
	static const uint32_t sizes[] = {9, 64, 100, 1000, 1024};

	for (unsigned i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t size = sizes[i / 2], late = i & 1, most = 0;

		open_both();
		for (uint32_t n = 0; n < 1000; n++) {
			uint32_t at = send(n, size);

			most = at > most ? at : most;
			if (n < late)
				continue;
			receive(n - late, size);
			NEED_EQ(ivsh_receiver_publish(&b.chan), 0);
		}
		CHECK(most < WINDOW);
		CHECK(most > WINDOW / 2);
	}
}

/* A receiver that is behind has the whole area for its queue, and then the sender goes back. */
static void queue_grows(void)
{
	uint32_t n;

	open_both();
	for (n = 0; n < DESCS; n++)
		CHECK_EQ(send(n, 1024), n * 1024);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1024), IVSH_EAGAIN);
	for (n = 0; n < DESCS; n++)
		receive(n, 1024);
	for (n = 0; n < 16; n++) {
		CHECK_EQ(send(n, 1024), n % 4 * 1024);
		receive(n, 1024);
		find_empty();
	}
}

/* A receiver that sleeps does not keep up, even if only one message waits for it. */
static void sleeper_has_a_queue(void)
{
	uint32_t n;

	open_both();
	for (n = 0; n < 3; n++)
		(void)send(n, 1024);
	for (n = 0; n < 3; n++)
		receive(n, 1024);
	find_empty();
	world_ring(0, 1).receiver->notify_request = 1u << 12 | 1;
	for (n = 0; n < 60; n++)
		CHECK_EQ(send(n, 1024), (n + 3) * 1024);
	world_ring(0, 1).receiver->notify_request = 1u << 12;
	for (n = 0; n < 60; n++)
		receive(n, 1024);
}

/*
 * The sender goes back where the area is empty and older messages in flight have no payload there.
 * When these are released, the area is as empty as before.
 */
static void others_in_flight(void)
{
	uint32_t n;

	open_both();
	for (n = 0; n < 4; n++)
		(void)send(n, 1024);
	for (n = 0; n < 4; n++)
		receive(n, 1024);
	find_empty();
	for (n = 0; n < 8; n++)
		(void)send(n, 8);
	CHECK_EQ(send(8, 1024), 0);
	for (n = 0; n < 4; n++)
		receive(n, 8);
	NEED_EQ(ivsh_receiver_publish(&b.chan), 0);
	for (n = 9; n < 50; n++)
		(void)send(n, 1024);
	for (n = 4; n < 50; n++)
		receive(n, n < 8 ? 8 : 1024);
}

/* A new incarnation takes over a ring in which the sender went back. SPEC R7.9.5. */
static void restart(void)
{
	uint32_t n;

	open_both();
	for (n = 0; n < 4; n++)
		(void)send(n, 1000);
	for (n = 0; n < 3; n++)
		receive(n, 1000);
	NEED_EQ(ivsh_receiver_publish(&b.chan), 0);
	CHECK_EQ(send(4, 1000), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(a.chan.tx.head, 5);
	CHECK_EQ(send(5, 1000), 1024);
	CHECK_EQ(send(6, 1000), 2048);
	/* The message at 3 KiB is still in flight, and everything behind it counts as taken. */
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1000), IVSH_EAGAIN);
	for (n = 3; n < 7; n++)
		receive(n, 1000);
	find_empty();
	(void)send(7, 1000);
	receive(7, 1000);
}

/* Random sizes and backlogs, both sides killed now and then: all arrives, byte for byte. */
static void random_traffic(void)
{
	uint32_t seed = 11, put = 0, get = 0, size[DESCS], deaths = 0;

	open_both();
	for (unsigned step = 0; step < 60000; step++) {
		/* Mostly one more and one less; for a while only more, and then only less. */
		uint32_t dice = world_random(&seed) % 1000, trend = step / 100 % 4;
		bool sends = trend < 2 ? (step & 1) == 0 : trend == 2;

		if (dice == 0 || (dice == 1 && put == get)) {
			struct end *end = dice == 0 ? &a : &b;

			/* Else its next incarnation has the last messages again. */
			if (dice != 0)
				find_empty();
			end_kill(end);
			NEED_EQ(end_open(end, dice, 1 - dice, false), 0);
			deaths++;
		} else if (sends && put - get < DESCS) {
			uint32_t bytes = world_random(&seed) % (1u << (4 + step / 1000 % 13));

			fill(out, bytes, put);
			if (ivsh_chan_send(&a.chan, (uint16_t)put, out, bytes) == 0)
				size[put++ % DESCS] = bytes;
		} else if (put != get) {
			receive(get, size[get % DESCS]);
			get++;
		} else {
			find_empty();
		}
	}
	CHECK(get > 20000);
	CHECK(deaths > 50);
}

/*
 * A wait looks whether there is room for what last found none, and goes back for it: the credit of
 * where payloads stood before is not used at the beginning, over one in flight. SPEC R7.5.2.
 */
static void wait_goes_back(void)
{
	struct ivsh_message message;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 2240), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 8192), IVSH_EAGAIN);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
	memset(out, 0x11, 1100);
	NEED_EQ(ivsh_chan_send(&a.chan, 2, out, 1100), 0);
	CHECK_EQ(world_wait(&a.region, 1), 0);
	memset(out, 0x22, 4700);
	(void)!ivsh_chan_send(&a.chan, 3, out, 4700);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(message.size, 1100);
	for (uint32_t i = 0; i < message.size; i++)
		NEED_EQ(in[i], 0x11);
}

/* A message as large as its area finds no room, and goes back: it fits when the ring is empty. */
static void goes_back_and_waits(void)
{
	struct ivsh_message message;

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 40000), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
	NEED_EQ(ivsh_chan_send(&a.chan, 2, out, 3000), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 3, out, LARGE), IVSH_EAGAIN);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_send(&a.chan, 3, out, LARGE), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(message.size, LARGE);
}

static const struct test tests[] = {
    {"goes back and waits", goes_back_and_waits},
    {"a wait goes back", wait_goes_back},
    {"keeps up", keeps_up},
    {"the queue grows", queue_grows},
    {"a sleeper has a queue", sleeper_has_a_queue},
    {"others in flight", others_in_flight},
    {"restart", restart},
    {"random", random_traffic},
};

int main(void)
{
	return test_main("window", tests, sizeof(tests) / sizeof(tests[0]));
}
