/* SPDX-License-Identifier: MIT */
/*
 * fastpath_test.c - sending and receiving leave the fast path as soon as anything stands in the
 * way, and see the other side's requests.
 *
 * Each state is entered while both sides have much credit. SPEC 6, 7.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static uint8_t in[8192], out[8192], before[WORLD_SIZE];
static void *payload;
static struct ivsh_message held;

/* Both sides have credit, both areas are known, some messages are in the ring. */
static void open_both(void)
{
	static const uint32_t sizes[] = {8, 100, 2000, 3};

	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	for (unsigned i = 0; i < 8; i++) {
		struct ivsh_message message;

		CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, sizes[i % 4]), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	}
	CHECK_EQ(ivsh_chan_peek(&b.chan, &held), IVSH_EAGAIN);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, sizes[i % 4]), 0);
	CHECK(a.chan.tx.credit_end != a.chan.tx.head);
	CHECK(b.chan.rx.credit_end != b.chan.rx.read);
}

/*
 * --- States: each leaves the sender a, or the receiver b, or both, in the state that it names
 * -----
 */

static void is_broken(void)
{
	world_ring(0, 1).receiver->read ^= 1u << 20;
	CHECK_EQ(world_wait(&a.region, 1), 0);
	world_ring(0, 1).receiver->generation_ack ^= 1u << 20;
	CHECK_EQ(world_wait(&b.region, 1), 0);
}

static void is_closed(void)
{
	ivsh_chan_close(&a.chan);
	ivsh_chan_close(&b.chan);
}

static void is_refused(void)
{
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 0, a.records, 64), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_open(&b.chan, &b.region, 1, b.records, 64), IVSH_EINVAL);
}

static void is_detached(void)
{
	ivsh_region_detach(&a.region);
	ivsh_region_detach(&b.region);
	/* So many calls that a check of the slot would be due. */
	a.region.heartbeat += 10000;
	b.region.heartbeat += 10000;
}

static void is_robbed(void)
{
	world_slot(0)->nonce ^= 1;
	world_slot(1)->nonce ^= 1;
	CHECK_EQ(world_wait(&a.region, 0), IVSH_ELOST);
	CHECK_EQ(world_wait(&b.region, 0), IVSH_ELOST);
}

static void is_held(void)
{
	CHECK_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &held), 0);
}

/* a began a generation that b has not followed; b waits for another. */
static void is_waiting(void)
{
	is_broken();
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK(a.chan.tx.waiting && b.chan.rx.waiting);
}

/* The answers of the calls in this state; 1: the call is not made. */
static const struct {
	const char *row;
	void (*enter)(void);
	int send, publish, receive, release;
	bool writes; /* the sender may write: not to messages */
} rows[] = {
    {"broken", is_broken, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, false},
    {"closed", is_closed, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, false},
    {"refused", is_refused, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, IVSH_EPROTO, false},
    {"detached", is_detached, IVSH_ELOST, IVSH_ELOST, IVSH_ELOST, IVSH_ELOST, false},
    {"robbed", is_robbed, IVSH_ELOST, IVSH_ELOST, IVSH_ELOST, IVSH_ELOST, false},
    {"held", is_held, IVSH_EINVAL, 1, 1, 1, false},
    {"waiting", is_waiting, IVSH_EAGAIN, IVSH_EINVAL, IVSH_EAGAIN, IVSH_EINVAL, true},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int send(uint32_t size)
{
	return ivsh_chan_send(&a.chan, 1, out, size);
}

static int send_batch(uint32_t size)
{
	/* A port each: they are not packed. */
	struct ivsh_message messages[3] = {{out, size, 1, 0}, {out, size, 2, 0}, {out, size, 3, 0}};
	uint32_t sent = 77;
	int error = ivsh_chan_send_batch(&a.chan, messages, 3, &sent);

	CHECK_EQ(sent, error ? 0 : 3);
	return error;
}

static int reserve(uint32_t size)
{
	void *at;

	return ivsh_chan_reserve(&a.chan, size, &at);
}

/* Not a byte of the ring changed but the sender's line. */
static void compare(bool writes)
{
	size_t from = (size_t)((uint8_t *)world_ring(0, 1).sender - world.memory);
	size_t line = writes ? sizeof(struct ivsh_wire_sender) : 0;

	CHECK_EQ(memcmp(before + from + line, world.memory + from + line, WORLD_RING - line), 0);
}

static void sends(void)
{
	static int (*const ways[])(uint32_t) = {send, send_batch, reserve};
	static const uint32_t sizes[] = {8, 0, 5, 64, 300, 2000};

	for (unsigned i = 0; i < ROWS * 3; i++) {
		test_row(rows[i / 3].row);
		open_both();
		rows[i / 3].enter();
		memcpy(before, world.memory, WORLD_SIZE);
		for (unsigned s = 0; s < 6; s++)
			CHECK_EQ(ways[i % 3](sizes[s]), rows[i / 3].send);
		if (rows[i / 3].publish != 1)
			CHECK_EQ(ivsh_chan_publish(&a.chan, 1), rows[i / 3].publish);
		compare(rows[i / 3].writes);
		/* No byte of another incarnation's slot either. */
		if (rows[i / 3].send == IVSH_ELOST)
			CHECK_EQ(memcmp(before, world.memory, WORLD_SIZE), 0);
	}
}

static void receives(void)
{
	struct ivsh_message messages[4], message;
	uint32_t received;

	for (unsigned i = 0; i < ROWS; i++) {
		if (rows[i].receive == 1)
			continue;
		test_row(rows[i].row);
		open_both();
		rows[i].enter();
		memcpy(before, world.memory, WORLD_SIZE);
		for (unsigned round = 0; round < 2; round++) {
			received = 77;
			CHECK_EQ(
			    ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), rows[i].receive);
			CHECK_EQ(ivsh_chan_peek(&b.chan, &message), rows[i].receive);
			CHECK_EQ(ivsh_chan_release(&b.chan), rows[i].release);
			CHECK_EQ(ivsh_chan_receive_batch(
				     &b.chan, messages, 4, in, sizeof(in), &received),
			    rows[i].receive);
			CHECK_EQ(received, 0);
		}
		CHECK_EQ(b.region.counters.received, 8);
		if (rows[i].receive == IVSH_ELOST)
			CHECK_EQ(memcmp(before, world.memory, WORLD_SIZE), 0);
	}
}

/* Anything may happen between the two steps of a message: the second step sees it. */
static void between(void)
{
	for (unsigned i = 0; i < ROWS * 4; i++) {
		uint32_t size = i % 4 < 2 ? 8 : 100;
		uint64_t sent, received;

		if (rows[i / 4].publish == 1)
			continue;
		test_row(rows[i / 4].row);
		open_both();
		/* The second of two on the fast path, or on the slow one. */
		NEED_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
		if (i & 1)
			a.chan.tx.credit_end = a.chan.tx.head,
			b.chan.rx.credit_end = b.chan.rx.read;
		NEED_EQ(ivsh_chan_reserve(&a.chan, size, &payload), 0);
		NEED_EQ(ivsh_chan_peek(&b.chan, &held), 0);
		CHECK_EQ(held.size, 100);
		sent = a.region.counters.sent;
		received = b.region.counters.received;
		rows[i / 4].enter();
		memcpy(before, world.memory, WORLD_SIZE);
		/* Closed, and open again to another: nothing is reserved there. */
		CHECK_EQ(ivsh_chan_publish(&a.chan, 1), rows[i / 4].publish);
		CHECK_EQ(ivsh_chan_release(&b.chan), rows[i / 4].release);
		CHECK_EQ(a.region.counters.sent, sent);
		CHECK_EQ(b.region.counters.received, received);
		compare(rows[i / 4].writes);
		if (rows[i / 4].send == IVSH_ELOST)
			CHECK_EQ(memcmp(before, world.memory, WORLD_SIZE), 0);
	}
}

/* The slot is lost with no wait to see it: noticed within 256 calls, by any of them. SPEC R5.6,
 * R6.8. */
static void robbed_unseen(void)
{
	for (unsigned how = 0; how < 5; how++) {
		struct ivsh_message messages[2] = {{out, 8, 1, 0}, {out, 8, 1, 0}};
		uint32_t count, calls = 0;
		int error = 0;

		open_both();
		world_slot(how < 3 ? 0 : 1)->nonce ^= 1;
		for (; error != IVSH_ELOST && calls < 1000; calls++) {
			/* The other side keeps the ring from being full, or empty. */
			(void)!(how < 3 ? ivsh_chan_receive_batch(
					      &b.chan, &held, 1, in, sizeof(in), &count)
					: ivsh_chan_send(&a.chan, 1, out, 8));
			if (how == 0)
				error = ivsh_chan_send(&a.chan, 1, out, 8);
			else if (how == 1)
				error = ivsh_chan_send_batch(&a.chan, messages, 1, &count);
			else if (how == 2)
				error = ivsh_chan_reserve(&a.chan, 100, &payload) == 0
					    ? ivsh_chan_publish(&a.chan, 1)
					    : IVSH_ELOST;
			else if (how == 3)
				error = ivsh_chan_receive(&b.chan, &held, in, sizeof(in));
			else
				error = ivsh_chan_receive_batch(
				    &b.chan, messages, 1, in, sizeof(in), &count);
		}
		/* The credit is at most 64 messages. */
		CHECK(calls <= 256 + 64);
	}
}

/* Without its flag a request is not loaded; with the flag it is answered. SPEC R8.2. */
static void requests_notification(void)
{
	open_both();
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	world_ring(0, 1).receiver->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 1;
	world_ring(0, 1).sender->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 1;
	CHECK_EQ(send(8), 0);
	CHECK_EQ(send(100), 0);
	CHECK_EQ(send_batch(20), 0);
	CHECK_EQ(reserve(100), 0);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), 0);
	/* Up to a record's last message, behind which the read index moves. */
	for (unsigned i = 0; i < 9; i++)
		CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
	/* The read index moves for it all the same. */
	CHECK_EQ(world_ring(0, 1).receiver->read, b.chan.rx.read);
	CHECK_EQ(world.rings, 0);
	CHECK_EQ(*world_pending(0, 1), 0);
	world_ring(0, 1).receiver->notify_flags = IVSH_WIRE_NOTIFY_PENDING;
	CHECK_EQ(ivsh_chan_peek(&b.chan, &held), 0);
	CHECK_EQ(ivsh_chan_release(&b.chan), 0);
	world_ring(0, 1).receiver->notify_flags = world_ring(0, 1).sender->notify_flags =
	    IVSH_WIRE_NOTIFY_REQUEST;
	CHECK_EQ(send(8), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 1);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
	CHECK_EQ(world.rings, 2);
	CHECK_EQ(world.ring_peer, 0);
	/* One request, one notification. */
	CHECK_EQ(send(8), 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
	CHECK_EQ(world.rings, 2);
}

/* A third peer's store over the flags costs a notification, but not the channel. SPEC R9.5.3. */
static void flags_mended(void)
{
	open_both();
	NEED_EQ(world_wait(&b.region, 1000), 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	CHECK_EQ(world_ring(1, 0).sender->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	world_ring(0, 1).receiver->notify_flags = 0;
	world_ring(1, 0).sender->notify_flags = UINT32_MAX;
	for (unsigned i = 0; i < 320; i++)
		CHECK_EQ(ivsh_chan_release(&b.chan), IVSH_EINVAL);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	CHECK_EQ(world_ring(1, 0).sender->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	CHECK_EQ(b.region.counters.errors, 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
	/* No side answers a reset request that has not changed. */
	world_ring(0, 1).receiver->notify_flags |= IVSH_WIRE_NOTIFY_RESET;
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(send(8), 0);
	CHECK_EQ(a.chan.lost, 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 0);
}

/*
 * After the message that sees a reset request, the next call of any kind answers it. SPEC R6.8.6.
 */
static void requests_reset(void)
{
	static int (*const ways[])(uint32_t) = {send, send_batch, reserve};

	for (unsigned i = 0; i < 6; i++) {
		open_both();
		CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
		world_desc(0, 1, b.chan.rx.read)->control |= IVSH_WIRE_CONTROL_RESERVED;
		CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), IVSH_EPROTO);
		NEED_EQ(ivsh_chan_reset(&b.chan), 0);
		CHECK_EQ(world_ring(0, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_RESET);
		CHECK_EQ(i < 3 ? send(8) : send_batch(40), 0);
		CHECK_EQ(a.chan.tx.credit_end, a.chan.tx.head);
		CHECK_EQ(ways[i % 3](8), IVSH_EAGAIN);
		CHECK_EQ(world_ring(0, 1).sender->generation, 1);
		/* In step again: the next ones come. */
		CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), IVSH_EAGAIN);
		CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
		CHECK_EQ(send_batch(100), 0);
		for (unsigned n = 0; n < 3; n++)
			CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, sizeof(in)), IVSH_EAGAIN);
	}
}

/* For either end, (left) of an area never exceeds the room. */
static bool is_left_right(void)
{
	for (uint32_t i = 0; i < IVSH_AREAS; i++)
		if (a.chan.tx.area[i].left > a.chan.tx.area[i].size ||
		    b.chan.rx.area[i].left > b.chan.rx.area[i].size)
			return false;
	return true;
}

/* Other calls between the two steps are refused, and leave the reserved room as it was. */
static void asked_between(void)
{
	static const uint32_t sizes[] = {9, 100, 1024, 1025, 2048};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t size = sizes[i], count;
		struct ivsh_message message = {out, size, 1, 0};

		open_both();
		while (ivsh_chan_receive(&b.chan, &held, in, sizeof(in)) == 0)
			;
		for (unsigned n = 0; n < 40; n++) {
			NEED_EQ(ivsh_chan_reserve(&a.chan, size, &payload), 0);
			CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, size), IVSH_EINVAL);
			CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 8), IVSH_EINVAL);
			CHECK_EQ(ivsh_chan_send_batch(&a.chan, &message, 1, &count), IVSH_EINVAL);
			CHECK_EQ(ivsh_chan_reserve(&a.chan, size, &payload), IVSH_EINVAL);
			NEED_EQ(ivsh_chan_publish(&a.chan, 1), 0);
			NEED_EQ(ivsh_chan_peek(&b.chan, &held), 0);
			CHECK_EQ(ivsh_chan_receive(&b.chan, &held, in, 8), IVSH_ENOSPC);
			CHECK_EQ(
			    ivsh_chan_receive_batch(&b.chan, &held, 1, in, 8, &count), IVSH_ENOSPC);
			NEED_EQ(ivsh_chan_peek(&b.chan, &held), 0);
			NEED_EQ(held.size, size);
			NEED_EQ(ivsh_chan_release(&b.chan), 0);
			NEED_EQ(is_left_right(), true);
		}
	}
}

static const struct test tests[] = {
    {"sends", sends},
    {"receives", receives},
    {"between two steps", between},
    {"asked between two steps", asked_between},
    {"slot lost, unseen", robbed_unseen},
    {"requests a notification", requests_notification},
    {"notify flags are mended", flags_mended},
    {"requests a reset", requests_reset},
};

int main(void)
{
	return test_main("fastpath", tests, sizeof(tests) / sizeof(tests[0]));
}
