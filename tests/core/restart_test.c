/* SPDX-License-Identifier: MIT */
/*
 * restart_test.c - a side stops without a word, and its next life goes on; what was scribbled over
 * meanwhile is noticed.
 */
#include "test.h"
#include "world.h"

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

/* Both sides, either dying at random: nothing is lost, and nothing repeats without its mark. SPEC R6.3, R7.1, R7.9, R7.11. */
static void any_order(void)
{
	uint32_t seed = 7, put = 0, expect = 0, deaths = 0;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	for (unsigned step = 0; step < 30000; step++) {
		uint32_t dice = world_random(&seed) % 100;

		if (dice < 48) {
			int error = send(put);

			if (error != IVSH_EAGAIN) {
				NEED_EQ(error, 0);
				put++;
			}
		} else if (dice < 96) {
			struct ivsh_message message;
			uint32_t n;
			int error = ivsh_chan_peek(&b.chan, &message);

			if (error == IVSH_EAGAIN) {
				NEED_EQ(expect, put);
				continue;
			}
			NEED_EQ(error, 0);
			memcpy(&n, message.data, sizeof(n));
			if (n < expect)
				NEED_EQ(message.flags, IVSH_MAYBE_SEEN);
			else
				NEED_EQ(n, expect);
			error = receive(n);
			NEED_EQ(error >= 0, 1);
			if (n == expect)
				expect++;
		} else if (dice < 98) {
			end_kill(&a);
			NEED_EQ(end_open(&a, 0, 1, false), 0);
			deaths++;
		} else {
			end_kill(&b);
			NEED_EQ(end_open(&b, 1, 0, false), 0);
			deaths++;
		}
	}
	CHECK(put > 5000);
	CHECK(deaths > 500);
}

/* A message that was reserved and filled, but not published, never was. SPEC R7.3. */
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
	/* Sent before the receiver's first life: not marked. */
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

/* Closing gives back what was released, so nothing is marked, and keeps what was not. */
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
	CHECK_EQ(receive(1), IVSH_EBUSY);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(receive(1), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(2), IVSH_MAYBE_SEEN);
	CHECK_EQ(receive(3), IVSH_EAGAIN);
}

/* Descriptors that no sender may write: each costs this channel, and no other. SPEC R7.7, R7.8, R9.1, R9.3. */
static void bad_descriptors(void)
{
#define HEAD(lap, port, rest) ((uint64_t)(lap) << 48 | (uint64_t)(port) << 32 | (uint64_t)(rest))
#define HOT (1u << 28)
#define BULK (2u << 28)
	static const struct {
		const char *row;
		uint64_t head, body;
		int want;
	} rows[] = {
	    {"good inline", HEAD(1, 1, 8), 0, 0},
	    {"good hot", HEAD(1, 1, HOT | 100), 64, 0},
	    {"good bulk", HEAD(1, 1, BULK | 8192), 0, 0},
	    {"lap 0", HEAD(0, 1, 8), 0, IVSH_EAGAIN},
	    {"lap 2", HEAD(2, 1, 8), 0, IVSH_EAGAIN},
	    {"inline of 9", HEAD(1, 1, 9), 0, IVSH_EPROTO},
	    {"inline of 2^28-1", HEAD(1, 1, 0x0fffffff), 0, IVSH_EPROTO},
	    {"reserved bit", HEAD(1, 1, 1u << 31 | 8), 0, IVSH_EPROTO},
	    {"kind 3", HEAD(1, 1, 3u << 28 | 8), 0, IVSH_EPROTO},
	    {"hot of 0", HEAD(1, 1, HOT), 0, IVSH_EPROTO},
	    {"hot beyond", HEAD(1, 1, HOT | 8193), 0, IVSH_EPROTO},
	    {"hot across the end", HEAD(1, 1, HOT | 65), 8192 - 64, IVSH_EPROTO},
	    {"hot at the end", HEAD(1, 1, HOT | 64), 8192 - 64, 0},
	    {"hot off a line", HEAD(1, 1, HOT | 64), 8, IVSH_EPROTO},
	    {"hot above 2^32", HEAD(1, 1, HOT | 64), UINT64_C(1) << 32, IVSH_EPROTO},
	    {"hot all ones", HEAD(1, 1, HOT | 64), UINT64_MAX, IVSH_EPROTO},
	    {"bulk beyond", HEAD(1, 1, BULK | 0x0fffffff), 0, IVSH_EPROTO},
	    {"bulk across the end", HEAD(1, 1, BULK | 8192), 64, IVSH_EPROTO},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_message message;
		struct ivsh_chan other;
		struct ivsh_record records[64];

		test_row(rows[i].row);
		world_format();
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		NEED_EQ(ivsh_chan_open(&other, &b.region, 2, records, 64), 0);
		world_desc(0, 1, 0)->body = rows[i].body;
		world_desc(0, 1, 0)->head = rows[i].head;
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), rows[i].want);
		if (rows[i].want == IVSH_EPROTO) {
			CHECK_EQ(ivsh_chan_send(&b.chan, 1, "x", 1), IVSH_EPROTO);
			CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EPROTO);
			CHECK_EQ(b.region.counters.errors, 1);
			CHECK_EQ(world_slot(1)->errors, 1);
		}
		CHECK_EQ(ivsh_chan_send(&other, 1, "x", 1), 0);
	}
}

/* Behind the first one, a payload is where the lengths before it put it, or START says why not. SPEC R7.7. */
static void bad_position(void)
{
	static const struct {
		const char *row;
		uint64_t flags, body;
		int want;
	} rows[] = {
	    {"expected", 0, 128, 0},
	    {"the last one again", 0, 0, IVSH_EPROTO},
	    {"one line further", 0, 192, IVSH_EPROTO},
	    {"one area further", 0, 128 + 8192, IVSH_EPROTO},
	    {"start elsewhere", IVSH_WIRE_HEAD_START, 192, 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_message message;

		test_row(rows[i].row);
		world_format();
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		world_desc(0, 1, 0)->head = HEAD(1, 1, HOT | 100);
		world_desc(0, 1, 1)->body = rows[i].body;
		world_desc(0, 1, 1)->head = HEAD(1, 1, HOT | 100) | rows[i].flags;
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), rows[i].want);
	}
}

/* A read index can only lie between the last one and our own. SPEC R7.5. */
static void bad_read(void)
{
	static const struct {
		uint32_t read;
		int want;
	} rows[] = {{0, IVSH_EAGAIN}, {1, 0}, {64, 0}, {65, IVSH_EPROTO}, {UINT32_MAX, IVSH_EPROTO},
	    {1u << 31, IVSH_EPROTO}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_format();
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		for (unsigned n = 0; n < 64; n++)
			NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
		world_ring(0, 1)->receiver.read = rows[i].read;
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), rows[i].want);
	}
}

/* A new life checks what it finds in its own ring before it builds on it. SPEC R7.9. */
static void scribbled(void)
{
	static const struct {
		const char *row;
		uint32_t index;
		uint64_t head, body;
		int want;
	} rows[] = {
	    {"untouched", 5, 0, 0, 0},
	    {"kind 3", 0, HEAD(1, 1, 3u << 28 | 8), 0, IVSH_EPROTO},
	    {"too long", 0, HEAD(1, 1, 9), 0, IVSH_EPROTO},
	    {"moved", 1, HEAD(1, 1, HOT | 100), 256, IVSH_EPROTO},
	    {"out of the area", 1, HEAD(1, 1, HOT | 100), 8192 - 64, IVSH_EPROTO},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_row(rows[i].row);
		world_format();
		world_desc(0, 1, 0)->head = HEAD(1, 1, HOT | 100);
		world_desc(0, 1, 1)->head = HEAD(1, 1, HOT | 100);
		world_desc(0, 1, 1)->body = 128;
		world_desc(0, 1, rows[i].index)->head = rows[i].head;
		world_desc(0, 1, rows[i].index)->body = rows[i].body;
		CHECK_EQ(end_open(&a, 0, 1, false), rows[i].want);
		if (rows[i].want == 0)
			CHECK_EQ(a.chan.tx.head, 2);
	}
}

/* A ring in the middle of a reset is refused, on either side. SPEC R6.4. */
static void out_of_step(void)
{
	static const struct {
		uint32_t sender_epoch, receiver_ack, receiver_epoch, sender_ack;
		int want;
	} rows[] = {{0, 0, 0, 0, 0}, {3, 3, 4, 4, 0}, {1, 0, 0, 0, IVSH_EPROTO},
	    {0, 0, 1, 0, IVSH_EPROTO}, {0, 1, 0, 0, IVSH_EPROTO}};

	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_wire_ring *ring;

		world_format();
		ring = i & 1 ? world_ring(0, 1) : world_ring(1, 0);
		ring->sender.epoch = rows[i / 2].sender_epoch;
		ring->sender.ack = rows[i / 2].sender_ack;
		ring->receiver.epoch = rows[i / 2].receiver_epoch;
		ring->receiver.ack = rows[i / 2].receiver_ack;
		CHECK_EQ(end_open(&a, 0, 1, false), rows[i / 2].want);
	}
}

static const struct test tests[] = {
    {"any side, any order", any_order},
    {"a send that was cut", cut_send},
    {"receiver: marks", receiver_marks},
    {"receiver: fresh", receiver_fresh},
    {"receiver: good-bye", good_bye},
    {"hostile: descriptors", bad_descriptors},
    {"hostile: positions", bad_position},
    {"hostile: read index", bad_read},
    {"hostile: own ring scribbled", scribbled},
    {"ring out of step", out_of_step},
};

int main(void)
{
	return test_main("restart", tests, sizeof(tests) / sizeof(tests[0]));
}
