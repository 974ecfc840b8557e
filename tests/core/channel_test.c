/* SPDX-License-Identifier: MIT */
/*
 * channel_test.c - messages between two peers that behave.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static uint8_t out[32768], in[32768];

static void open_both(void)
{
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
}

static void fill(uint8_t *bytes, uint32_t size, uint32_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(world_random(&seed));
}

static void open_refuses(void)
{
	struct ivsh_record records[64];
	struct ivsh_chan chan;

	open_both();
	CHECK_EQ(ivsh_chan_open(&chan, &a.region, 0, records, 64), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_open(&chan, &a.region, WORLD_SLOTS, records, 64), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_open(&chan, &a.region, UINT32_MAX, records, 64), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_open(&chan, &a.region, 2, records, 63), IVSH_EINVAL);
	/* A channel that was refused answers errors, and can be closed. */
	CHECK_EQ(ivsh_chan_send(&chan, 1, "x", 1), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_send(&chan, 1, NULL, 0), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_publish(&chan, 1), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_release(&chan), IVSH_EPROTO);
	ivsh_chan_close(&chan);
	NEED_EQ(ivsh_chan_open(&chan, &a.region, 2, records, 64), 0);
	CHECK_EQ(ivsh_chan_send(&chan, 1, "x", 1), 0);
	ivsh_chan_close(&chan);
	CHECK_EQ(ivsh_chan_send(&chan, 1, "x", 1), IVSH_EPROTO);
	ivsh_region_detach(&a.region);
	CHECK_EQ(ivsh_chan_open(&chan, &a.region, 2, records, 64), IVSH_EINVAL);
	ivsh_chan_close(&chan);
}

/* SPEC R7.1, R7.2. */
static void sizes(void)
{
	static const uint32_t rows[] = {
	    0, 1, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 4096, 8191, 8192};
	struct ivsh_message message;

	open_both();
	CHECK_EQ(ivsh_chan_max(&a.chan), 8192);
	/* Round and round, so that each size meets each end of its area. */
	for (unsigned round = 0; round < 40; round++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint16_t port = (uint16_t)(round * 100 + i);

			fill(out, rows[i], port);
			memset(in, 0, sizeof(in));
			NEED_EQ(ivsh_chan_send(&a.chan, port, rows[i] ? out : NULL, rows[i]), 0);
			NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
			CHECK_EQ(message.size, rows[i]);
			CHECK_EQ(message.port, port);
			CHECK_EQ(message.flags, 0);
			CHECK(message.data == in);
			CHECK_EQ(memcmp(in, out, rows[i]), 0);
			CHECK_EQ(in[rows[i]], 0);
			CHECK_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), IVSH_EAGAIN);
		}
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 8193), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, UINT32_MAX), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "ok", 2), 0);
}

/*
 * A full ring is an answer; accepted messages arrive, and then there is room again. SPEC R7.5,
 * R7.6.
 */
static void fullness(void)
{
	static const struct {
		uint32_t size, fits;
	} rows[] = {
	    {4, 64}, {64, 64}, {128, 32}, {1024, 4}, {1000, 4}, {8192, 1}, {4096, 2}, {5000, 1}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_message message;

		open_both();
		for (unsigned round = 0; round < 5; round++) {
			uint32_t sent = 0, got = 0;

			while (sent < 1000 &&
			       ivsh_chan_send(&a.chan, (uint16_t)sent, out, rows[i].size) == 0)
				sent++;
			CHECK_EQ(sent, rows[i].fits);
			CHECK_EQ(ivsh_chan_send(&a.chan, 0, out, rows[i].size), IVSH_EAGAIN);
			while (ivsh_chan_receive(&b.chan, &message, in, sizeof(in)) == 0)
				CHECK_EQ(message.port, got++);
			CHECK_EQ(got, sent);
		}
		CHECK_EQ(a.region.counters.full, 10);
		CHECK_EQ(a.region.counters.sent, b.region.counters.received);
	}
}

/* In an empty area no message holds the bytes skipped at its end; else they count. SPEC R7.6.3. */
static void skipped(void)
{
	struct ivsh_message message;

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 4096), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	/* 5056 bytes from the next beginning on; the 4096 skipped are free. */
	NEED_EQ(ivsh_chan_send(&a.chan, 1, out, 5000), 0);
	CHECK_EQ(world_desc(0, 1, 1)->body, 8192);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 3136), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 1025), IVSH_EAGAIN);
	/* 3136 bytes stand at the end: 5056 are free before them, and 5057 are not. */
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 5057), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, out, 5056), 0);
}

/* Random sizes, sometimes held back, checked byte for byte against a plain queue. SPEC R7.1. */
static void random_traffic(void)
{
	static struct {
		uint32_t size, seed;
	} queue[64];
	uint32_t seed = 42, put = 0, get = 0;

	open_both();
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t dice = world_random(&seed);

		if (dice & 1) {
			uint32_t size = world_random(&seed) % (1u << (world_random(&seed) % 14));
			int error;

			fill(out, size, put);
			error = ivsh_chan_send(&a.chan, (uint16_t)put, out, size);
			if (error == IVSH_EAGAIN)
				continue;
			NEED_EQ(error, 0);
			queue[put % 64].size = size;
			queue[put % 64].seed = put;
			put++;
			NEED_EQ(put - get <= 64, 1);
		} else if (get != put) {
			struct ivsh_message message;

			NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
			NEED_EQ(message.size, queue[get % 64].size);
			fill(out, message.size, get);
			NEED_EQ(memcmp(in, out, message.size), 0);
			CHECK_EQ(message.port, (uint16_t)get);
			get++;
		} else {
			struct ivsh_message message;

			NEED_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
		}
	}
	CHECK(get > 5000);
}

/* The index has 32 bits and the wrap counter 16: both go round without an effect. SPEC R7.4. */
static void counts_wrap(void)
{
	static const uint32_t starts[] = {
	    UINT32_MAX - 200, 64 * 65535 - 100, 64 * 65536 - 100, 64 * 40000 - 100};

	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct ivsh_message message;

		world_format();
		world_ring(0, 1).receiver->read = starts[i];
		/* Descriptors of an earlier wrap do not count. */
		for (uint32_t d = 0; d < 64; d++)
			world_desc(0, 1, d)->control = (uint64_t)(uint16_t)((starts[i] >> 6) - 3)
						       << 48;
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		CHECK_EQ(a.chan.tx.head, starts[i]);
		for (uint32_t n = 0; n < 400; n++) {
			uint32_t index = starts[i] + n;

			NEED_EQ(ivsh_chan_send(&a.chan, 3, &n, sizeof(n)), 0);
			CHECK_EQ(world_desc(0, 1, index)->control >> 48, (index / 64 + 1) % 65536);
			NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
			CHECK_EQ(memcmp(in, &n, sizeof(n)), 0);
			NEED_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
		}
	}
}

/*
 * A sender stores a control word in halves. Between the two a receiver, and the sender's next
 * incarnation, see no message, and then a whole one. SPEC R1.3, R7.3.
 */
static void head_in_halves(void)
{
	static uint8_t buffer[64];
	struct ivsh_message message;
	uint64_t head, old;

	for (uint32_t i = 0; i < 3 * 64; i++) {
		struct ivsh_wire_desc *desc;

		if (i == 0)
			open_both();
		desc = world_desc(0, 1, i);
		old = desc->control;
		NEED_EQ(ivsh_chan_send(&a.chan, 7, "halves", i % 7), 0);
		head = desc->control;
		desc->control = (old & ~UINT64_C(0xffffffff)) | (head & 0xffffffff);
		CHECK_EQ(ivsh_chan_receive(&b.chan, &message, buffer, sizeof(buffer)), IVSH_EAGAIN);
		if (i % 5 == 0) {
			/* A message that is cut there was not accepted. */
			end_kill(&a);
			NEED_EQ(end_open(&a, 0, 1, false), 0);
			NEED_EQ(ivsh_chan_send(&a.chan, 7, "halves", i % 7), 0);
			CHECK_EQ(desc->control, head);
		}
		desc->control = head;
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, buffer, sizeof(buffer)), 0);
		CHECK_EQ(message.size, i % 7);
		CHECK_EQ(message.port, 7);
		CHECK_EQ(memcmp(buffer, "halves", i % 7), 0);
	}
}

/* SPEC R7.3. */
static void reserve(void)
{
	struct ivsh_message message;
	void *payload, *again;

	open_both();
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), IVSH_EINVAL);
	NEED_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
	CHECK_EQ((uintptr_t)payload % 64, 0);
	CHECK_EQ(ivsh_chan_reserve(&a.chan, 100, &again), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
	ivsh_chan_abandon(&a.chan);
	ivsh_chan_abandon(&a.chan);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), IVSH_EINVAL);
	NEED_EQ(ivsh_chan_reserve(&a.chan, 100, &again), 0);
	CHECK(again == payload);
	memset(again, 7, 100);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 9), 0);
	NEED_EQ(ivsh_chan_reserve(&a.chan, 8, &payload), 0);
	memcpy(payload, "inlined!", 8);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 10), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(message.port, 9);
	CHECK_EQ(in[0] + in[99], 14);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(memcmp(in, "inlined!", 8), 0);
}

static void peek(void)
{
	struct ivsh_message first, second;

	open_both();
	CHECK_EQ(ivsh_chan_release(&b.chan), IVSH_EINVAL);
	fill(out, 200, 1);
	NEED_EQ(ivsh_chan_send(&a.chan, 5, out, 200), 0);
	NEED_EQ(ivsh_chan_send(&a.chan, 6, "next", 4), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &first), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &second), 0);
	CHECK(first.data == second.data);
	CHECK_EQ(first.size, 200);
	CHECK_EQ(memcmp(first.data, out, 200), 0);
	/* The payload is in shared memory, where other peers can still change it: SPEC R9.4.1. */
	CHECK(world_holds(first.data, first.size));
	/* The buffer is too small: the message stays, and its size is answered. */
	CHECK_EQ(ivsh_chan_receive(&b.chan, &second, in, 199), IVSH_ENOSPC);
	CHECK_EQ(second.size, 200);
	CHECK_EQ(ivsh_chan_release(&b.chan), 0);
	CHECK_EQ(ivsh_chan_release(&b.chan), IVSH_EINVAL);
	NEED_EQ(ivsh_chan_peek(&b.chan, &first), 0);
	CHECK_EQ(first.port, 6);
	CHECK_EQ(memcmp(first.data, "next", 4), 0);
}

/*
 * The read index moves with the call behind a quarter of the ring, and when the ring is empty. SPEC
 * R7.10.
 */
static void lazy_read(void)
{
	const struct ivsh_wire_receiver *line;
	struct ivsh_message message;

	open_both();
	line = world_ring(0, 1).receiver;
	for (unsigned i = 0; i < 40; i++)
		NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	for (unsigned i = 0; i < 15; i++)
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(line->read, 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(line->read, 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(line->read, 16);
	for (unsigned i = 17; i < 40; i++)
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(line->read, 32);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
	CHECK_EQ(line->read, 40);
	/* A quarter of an area does so, too, once a message has shown the area's position. */
	for (unsigned i = 0; i < 2; i++) {
		uint32_t quarter = i ? 2048 : 1024, read = line->read;

		NEED_EQ(ivsh_chan_send(&a.chan, 1, out, quarter - 300), 0);
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(line->read, read);
		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
		CHECK_EQ(line->read, read + 1);
		for (unsigned n = 0; n < 2; n++)
			NEED_EQ(ivsh_chan_send(&a.chan, 1, out, quarter), 0);
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(line->read, read + 1);
		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), 0);
		CHECK_EQ(line->read, read + 2);
		CHECK_EQ(ivsh_chan_release(&b.chan), 0);
		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
		CHECK_EQ(line->read, read + 3);
		/* And the next quarter begins there. */
		for (unsigned n = 0; n < 3; n++)
			NEED_EQ(ivsh_chan_send(&a.chan, 1, out, n ? quarter - 300 : 1), 0);
		for (unsigned n = 0; n < 2; n++)
			NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(line->read, read + 3);
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
		CHECK_EQ(line->read, read + 6);
	}
}

/* A peer that requests a notification gets one, on the vector that it named. SPEC R8.2. */
static void notifies(void)
{
	struct ivsh_counters counters;
	struct ivsh_message message;

	/* No request is assumed, whatever an earlier incarnation requested: SPEC R8.1. */
	world_format();
	world_ring(0, 1).receiver->notify_request = 3;
	world_ring(0, 1).receiver->notify_flags =
	    IVSH_WIRE_NOTIFY_REQUEST | IVSH_WIRE_NOTIFY_PENDING;
	world_ring(0, 1).sender->notify_request = 3;
	world_ring(0, 1).sender->notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 0);
	CHECK_EQ(world_ring(0, 1).sender->notify_request, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	CHECK_EQ(world_ring(0, 1).sender->notify_flags, 0);
	world.rings = 0;
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 0);
	NEED_EQ(ivsh_region_counters(&a.region, 0, &counters), 0);
	CHECK_EQ(counters.notifications_suppressed, 1);
	world_ring(0, 1).receiver->notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	world_ring(0, 1).sender->notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	world_ring(0, 1).receiver->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 3;
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 1);
	CHECK_EQ(world.ring_vector, 2);
	NEED_EQ(ivsh_region_counters(&a.region, 0, &counters), 0);
	CHECK_EQ(counters.notifications_suppressed, 1);
	world_ring(0, 1).sender->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 1;
	CHECK_EQ(world_ring(0, 1).receiver->read, 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(world.rings, 2);
	CHECK_EQ(world_ring(0, 1).receiver->read, 1);
	world_ring(0, 1).sender->notify_request = 0;
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
	CHECK_EQ(world.rings, 2);
	CHECK_EQ(world.ring_peer, 0);
	CHECK_EQ(world.ring_vector, 0);
}

/* Eight peers, each to each: no ring is another's. */
static void mesh(void)
{
	static struct ivsh_region regions[WORLD_SLOTS];
	static struct ivsh_chan chans[WORLD_SLOTS][WORLD_SLOTS];
	static struct ivsh_record records[WORLD_SLOTS][WORLD_SLOTS][64];
	struct ivsh_message message;

	world_format();
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		struct ivsh_mem mem = world_mem(i);
		struct ivsh_attach attach = {
		    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = i};

		NEED_EQ(ivsh_region_attach(&regions[i], &mem, &attach), 0);
		for (uint32_t j = 0; j < WORLD_SLOTS; j++)
			if (i != j)
				NEED_EQ(
				    ivsh_chan_open(&chans[i][j], &regions[i], j, records[i][j], 64),
				    0);
	}
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		for (uint32_t j = 0; j < WORLD_SLOTS; j++)
			for (uint32_t size = 4; i != j && size <= 8192; size *= 2) {
				fill(out, size, i * 100 + j + size);
				NEED_EQ(ivsh_chan_send(&chans[i][j], (uint16_t)j, out, size),
				    size == 8192 ? IVSH_EAGAIN : 0);
			}
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		for (uint32_t j = 0; j < WORLD_SLOTS; j++)
			for (uint32_t size = 4; i != j && size <= 4096; size *= 2) {
				NEED_EQ(
				    ivsh_chan_receive(&chans[j][i], &message, in, sizeof(in)), 0);
				fill(out, size, i * 100 + j + size);
				CHECK_EQ(message.size, size);
				CHECK_EQ(message.port, j);
				CHECK_EQ(memcmp(in, out, size), 0);
			}
}

/* SPEC R5.6. */
static void slot_lost(void)
{
	struct ivsh_wire_slot before;
	int error = 0;

	open_both();
	world_slot(0)->nonce ^= 1;
	/* Noticed within 256 calls, or at once by a wait. */
	for (unsigned i = 0; i < 256 && !error; i++) {
		struct ivsh_message message;

		error = ivsh_chan_receive(&a.chan, &message, in, sizeof(in));
		if (error == IVSH_EAGAIN)
			error = 0;
	}
	CHECK_EQ(error, IVSH_ELOST);
	before = *world_slot(0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), IVSH_ELOST);
	CHECK_EQ(memcmp(&before, world_slot(0), sizeof(before)), 0);
}

static const struct test tests[] = {
    {"open: refuses", open_refuses},
    {"sizes", sizes},
    {"full", fullness},
    {"skipped bytes", skipped},
    {"random traffic", random_traffic},
    {"counts wrap", counts_wrap},
    {"head in halves", head_in_halves},
    {"reserve, publish, abandon", reserve},
    {"peek, release", peek},
    {"lazy read index", lazy_read},
    {"notifies", notifies},
    {"mesh of eight", mesh},
    {"slot lost", slot_lost},
};

int main(void)
{
	return test_main("channel", tests, sizeof(tests) / sizeof(tests[0]));
}
