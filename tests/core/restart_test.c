/* SPDX-License-Identifier: MIT */
/*
 * restart_test.c - a side is killed, and its next incarnation goes on.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static uint8_t out[8192], in[8192];

static uint32_t size_of(uint32_t n)
{
	static const uint32_t sizes[] = {4, 40, 2000, 8, 700, 64, 1025, 5, 300};

	return sizes[n % (sizeof(sizes) / sizeof(sizes[0]))];
}

static int send(uint32_t n)
{
	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	return ivsh_chan_send(&a.chan, 1, out, size_of(n));
}

/* Receive message (n) and check it; its flags. */
static int receive(uint32_t n)
{
	struct ivsh_message message;
	int error = ivsh_chan_receive(&b.chan, &message, in, sizeof(in));

	if (error)
		return error;
	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	CHECK_EQ(message.size, size_of(n));
	CHECK_EQ(memcmp(in, out, size_of(n)), 0);
	return message.flags;
}

/* Message (n), as an earlier incarnation of the sender left it. */
static void leave(uint32_t index, uint32_t n, uint64_t kind, uint32_t position)
{
	uint16_t wrap = (uint16_t)((index >> 6) + 1);
	struct ivsh_wire_desc *desc = world_desc(0, 1, index);
	uint8_t *hot = (uint8_t *)world_ring(0, 1).desc + 64 * sizeof(*desc);
	uint8_t *area = kind == 1 ? hot : (uint8_t *)world_ring(0, 1).sender + 8192;

	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	desc->control = (uint64_t)wrap << 48 | UINT64_C(1) << 32 | kind << 28 | size_of(n);
	if (kind == 0) {
		memcpy(&desc->body, out, size_of(n));
	} else {
		desc->body = position;
		memcpy(area + position % (kind == 1 ? 4096 : 8192), out, size_of(n));
	}
}

/* Whether (data) still is message (n): it was not written over. */
static bool intact(const void *data, uint32_t n)
{
	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	return memcmp(data, out, size_of(n)) == 0;
}

/*
 * Both sides, either dying at random, the receiver also while it holds a message: nothing is lost,
 * nothing is written over while it is held, and nothing repeats without its mark. Messages 0 to
 * (put) - 1 stand in the ring already. SPEC R6.3, R7.1, R7.5, R7.9, R7.11.
 */
static void lives(uint32_t put)
{
	uint32_t seed = 7, expect = 0, deaths = 0, held = 0;
	struct ivsh_message message = {0};
	bool holds = false;

	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (unsigned step = 0; step < 30000; step++) {
		uint32_t dice = world_random(&seed) % 100;
		int error;

		if (holds)
			NEED_EQ(intact(message.data, held), true);
		if (dice < 32) {
			error = send(put);
			if (error != IVSH_EAGAIN) {
				NEED_EQ(error, 0);
				put++;
			}
		} else if (dice < 96 && !holds) {
			error = ivsh_chan_peek(&b.chan, &message);
			if (error == IVSH_EAGAIN) {
				NEED_EQ(expect, put);
				continue;
			}
			NEED_EQ(error, 0);
			memcpy(&held, message.data, sizeof(held));
			if (held < expect)
				NEED_EQ(message.flags, IVSH_MAYBE_SEEN);
			else
				NEED_EQ(held, expect);
			holds = true;
		} else if (dice < 96 && holds) {
			NEED_EQ(receive(held) >= 0, 1);
			holds = false;
			if (held == expect)
				expect++;
		} else if (dice == 96 || dice == 97) {
			end_kill(&a);
			NEED_EQ(end_open(&a, 0, 1, false), 0);
			deaths++;
		} else if (dice > 97) {
			end_kill(&b);
			NEED_EQ(end_open(&b, 1, 0, false), 0);
			holds = false;
			deaths++;
		}
	}
	CHECK(expect > 3000);
	CHECK(deaths > 500);
}

static void any_order(void)
{
	world_format();
	lives(0);
}

/* The same where indices, positions and wrap counters go round. */
static void any_order_wraps(void)
{
	uint32_t read = UINT32_MAX - 1;

	world_format();
	world_ring(0, 1).receiver->read = read;
	leave(read, 0, 0, 0);
	leave(read + 1, 1, 1, UINT32_MAX - 63);
	leave(read + 2, 2, 2, UINT32_MAX - 4095);
	leave(read + 3, 3, 0, 0);
	lives(4);
}

/*
 * After a restart the sender knows exactly how much room the messages in flight take: it sends no
 * more than fits, and no less. SPEC R7.5, R7.9.
 */
static void room_again(void)
{
	struct ivsh_message message;
	unsigned more = 0;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	/* Move both areas on, so that nothing in flight starts at 0. */
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 1000), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	/* In flight: 16 inline, then small area, large area, inline. */
	for (unsigned i = 0; i < 16; i++)
		NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 1024), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	/* The inline ones are released; both areas are as full as before. */
	for (unsigned i = 0; i < 16; i++)
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &message), 0);
	CHECK_EQ(world_ring(0, 1).receiver->read, 18);
	while (more < 100 && ivsh_chan_send(&a.chan, 1, out, 1024) == 0)
		more++;
	CHECK_EQ(more, 3);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	/* 8192 less 2048 skipped at the beginning is the position of the last one. */
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), IVSH_EAGAIN);
	for (unsigned i = 0; i < 9; i++)
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
	/* All room is released. */
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 8192), 0);
}

/* The released room of an earlier incarnation's messages is room for the new one. SPEC R7.9. */
static void room_of_earlier(void)
{
	struct ivsh_message message;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 1024), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 4096), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	NEED_EQ(world_ring(0, 1).receiver->read, 2);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	/* An incarnation's first payload has the start flag, even where it follows the last one.
	 * SPEC R7.7.1. */
	CHECK_EQ(world_desc(0, 1, 3)->body, 6144);
	CHECK(world_desc(0, 1, 3)->control & IVSH_WIRE_CONTROL_START);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 2048), 0);
	CHECK(!(world_desc(0, 1, 4)->control & IVSH_WIRE_CONTROL_START));
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1025), IVSH_EAGAIN);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1024), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1024), IVSH_EAGAIN);
}

/* A ring that an earlier incarnation filled is full, and its last message stays. SPEC R7.9. */
static void full_ring(void)
{
	struct ivsh_message message;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (uint16_t i = 0; i < 64; i++)
		NEED_EQ(ivsh_chan_send(&a.chan, i, "x", 1), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 99, "x", 1), IVSH_EAGAIN);
	for (uint16_t i = 0; i < 64; i++) {
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(message.port, i);
	}
	CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
}

/* A message that was reserved and filled, but not published, is not sent. SPEC R7.3. */
static void cut_send(void)
{
	void *payload;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(send(0), 0);
	NEED_EQ(ivsh_chan_reserve(&a.chan, 700, &payload), 0);
	memset(payload, 0xaa, 700);
	/* The crash falls between the two stores of publish. */
	world_desc(0, 1, 1)->body = 0;
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(send(1), 0);
	CHECK_EQ(receive(0), 0);
	CHECK_EQ(receive(1), 0);
	CHECK_EQ(receive(2), IVSH_EAGAIN);
}

/* SPEC R6.1, R7.11. */
static void receiver_marks(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	/* Sent before the receiver's first incarnation: not marked. */
	NEED_EQ(send(0), 0);
	NEED_EQ(send(1), 0);
	NEED_EQ(send(2), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(receive(0), 0);
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(send(3), 0);
	/* Released, but the read index was not published yet: it comes again, marked. */
	CHECK_EQ(receive(0), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(1), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(2), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(3), 0);
	CHECK_EQ(receive(4), IVSH_EAGAIN);
}

/* SPEC R5.8. */
static void receiver_fresh(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (uint32_t n = 0; n < 6; n++)
		NEED_EQ(send(n), 0);
	CHECK_EQ(receive(0), 0);
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, true), 0);
	CHECK_EQ(b.region.counters.discarded, 6);
	CHECK_EQ(receive(6), IVSH_EAGAIN);
	for (uint32_t n = 6; n < 200; n++) {
		NEED_EQ(send(n), 0);
		CHECK_EQ(receive(n), 0);
		CHECK_EQ(receive(n + 1), IVSH_EAGAIN);
	}
}

/* An attach that discards gives room: a sender that waits is notified. SPEC R5.8, R8.2.9. */
static void fresh_rings(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(send(0), 0);
	world_ring(0, 1).sender->notify_request = 3;
	{
		struct ivsh_mem mem = world_mem(1);
		struct ivsh_attach attach = {.restart = ivsh_attach_restart,
		    .counters = ivsh_attach_counters,
		    .nonce = 99,
		    .discard = ivsh_attach_discard};

		NEED_EQ(ivsh_region_attach(&b.region, &mem, &attach), 0);
	}
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 0);
	CHECK_EQ(world.ring_vector, 2);
	CHECK_EQ(world_slot(1)->notifications_sent, 1);
}

/* An attach that discards drops messages to its slot, not messages from it. SPEC R5.8. */
static void sender_fresh(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(send(0), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, true), 0);
	CHECK_EQ(a.region.counters.discarded, 0);
	NEED_EQ(send(1), 0);
	CHECK_EQ(receive(0), 0);
	CHECK_EQ(receive(1), 0);
}

/* Closing publishes the read index: no released message comes again, and the others stay. */
static void good_bye(void)
{
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (uint32_t n = 0; n < 3; n++)
		NEED_EQ(send(n), 0);
	CHECK_EQ(receive(0), 0);
	ivsh_chan_close(&b.chan);
	ivsh_region_detach(&b.region);
	CHECK_EQ(world_slot(1)->received, 1);
	CHECK_EQ(receive(1), IVSH_ELOST);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(receive(1), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(2), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(3), IVSH_EAGAIN);
}

/* As on ivshmem-plain: the next peer claims the slot of one that was killed. */
static int claim(struct end *end, uint64_t nonce)
{
	struct ivsh_mem mem = world_mem(0);
	struct ivsh_attach how = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = nonce,
	    .claim = ivsh_attach_claim};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1, end->records, 64);
}

/*
 * A claim begins new generations. The earlier incarnation's messages come first. No loss is
 * reported to the new incarnation, or to a later one, since it has sent nothing that could be lost.
 * A loss is reported to its peer before the first message of the new generation. SPEC R5.2.3, R6.5.
 */
static void claimed(void)
{
	uint32_t put = 0, got = 0, told;

	world_format();
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (uint32_t life = 0; life < 5; life++) {
		test_row(life % 2 ? "the peer has come, too" : "the peer goes on");
		if (life % 2) {
			end_kill(&b);
			NEED_EQ(end_open(&b, 1, 0, false), 0);
		}
		told = b.chan.lost;
		NEED_EQ(claim(&a, life + 1), 0);
		if (life != 0)
			CHECK_EQ(send(put), IVSH_EAGAIN);
		while (got < put)
			CHECK_EQ(receive(got++) & ~IVSH_MAYBE_SEEN, 0);
		CHECK_EQ(receive(got), IVSH_EAGAIN);
		CHECK_EQ(b.chan.lost, told + (life != 0));
		for (unsigned i = 0; i < 9; i++)
			NEED_EQ(send(put++), 0);
		CHECK_EQ(a.chan.lost, 0);
		CHECK_EQ(a.region.counters.lost, 0);
	}
}

static const struct test tests[] = {
    {"claimed slots", claimed},
    {"any side, any order", any_order},
    {"any order, wrapping", any_order_wraps},
    {"room after a restart", room_again},
    {"room of an earlier life", room_of_earlier},
    {"a full ring", full_ring},
    {"a send that was cut", cut_send},
    {"receiver: marks", receiver_marks},
    {"receiver: fresh", receiver_fresh},
    {"receiver: fresh rings", fresh_rings},
    {"sender: fresh", sender_fresh},
    {"receiver: good-bye", good_bye},
};

int main(void)
{
	return test_main("restart", tests, sizeof(tests) / sizeof(tests[0]));
}
