/* SPDX-License-Identifier: MIT */
/*
 * packed_test.c - packed records: what stands in the memory, each way to receive them, records that
 * no sender makes, and what ends in the middle of one.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <ivsh/wire.h>

#include <string.h>

#define MOST 64u

static struct end a, b;
static struct ivsh_message out[MOST], in[MOST];
static uint8_t bytes[MOST * 256], buffer[MOST * 256];

static void open_both(void)
{
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
}

/* Send (count) messages of (size) bytes on (port); message i is full of (first + i). */
static void send_run(uint32_t count, uint32_t size, uint16_t port, uint8_t first)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < count; i++) {
		memset(bytes + i * 256, first + (int)i, size);
		out[i] = (struct ivsh_message){bytes + i * 256, size, port, 0};
	}
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, out, count, &sent), 0);
	NEED_EQ(sent, count);
}

/* (message) is one that send_run() made, full of (value). */
static void is_message(
    const struct ivsh_message *message, uint32_t size, uint16_t port, uint8_t value, uint16_t flags)
{
	const uint8_t *data = message->data;

	NEED_EQ(message->size, size);
	CHECK_EQ(message->port, port);
	CHECK_EQ(message->flags, flags);
	for (uint32_t i = 0; i < size; i++)
		NEED_EQ(data[i], value);
}

/*
 * Messages that the small area is meant for are packed, however large, also where no payload has
 * ever been in the large area: at most half as many descriptors as messages.
 */
static void large_ones(void)
{
	static const struct ivsh_geometry geometry = {2, 64, 16384, 16384, 0};
	static const uint32_t sizes[] = {512, 600, 800, 1024};
	static uint8_t one[1024], all[16 * 1024];
	uint32_t sent, received, left, total;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		total = 0;
		world_format_as(&geometry);
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned n = 0; n < 8; n++)
				out[n] = (struct ivsh_message){one, sizes[i], 3, 0};
			/* They are half of the area: all go, wherever the last ones ended. */
			CHECK_EQ(ivsh_chan_send_batch(&a.chan, out, 8, &sent), 0);
			NEED_EQ(sent, 8);
			total += sent;
			for (left = sent; left != 0; left -= received)
				NEED_EQ(ivsh_chan_receive_batch(
					    &b.chan, in, 16, all, sizeof(all), &received),
				    0);
			NEED_EQ(ivsh_chan_receive(&b.chan, in, all, sizeof(all)), IVSH_EAGAIN);
		}
		CHECK(total >= 100);
		CHECK(a.chan.tx.head <= total / 2);
	}
}

/* Receive the next message alone, by each of three ways in turn. */
static void take_one(uint32_t size, uint16_t port, uint8_t value, uint16_t flags)
{
	struct ivsh_chan *chan = &b.chan;
	uint32_t received = 0;

	switch (value % 4) {
	case 0:
		NEED_EQ(ivsh_chan_receive(&b.chan, in, buffer, size), 0);
		is_message(in, size, port, value, flags);
		return;
	case 1:
		NEED_EQ(ivsh_chan_receive_batch(&b.chan, in, 1, buffer, size, &received), 0);
		NEED_EQ(received, 1);
		is_message(in, size, port, value, flags);
		return;
	case 2:
		NEED_EQ(ivsh_chan_peek(&b.chan, in), 0);
		break;
	default:
		NEED_EQ(ivsh_region_next(&b.region, &chan, in), 0);
	}
	is_message(in, size, port, value, flags);
	NEED_EQ(ivsh_chan_release(&b.chan), 0);
}

static void is_empty(void)
{
	CHECK_EQ(ivsh_chan_receive(&b.chan, in, buffer, sizeof(buffer)), IVSH_EAGAIN);
}

/* One descriptor, and the messages at multiples of 8 in the small area. SPEC R7.12. */
static void stored(void)
{
	const struct ivsh_wire_desc *desc;
	const uint8_t *area;

	open_both();
	send_run(10, 12, 7, 1);
	CHECK_EQ(a.chan.tx.head, 1);
	CHECK_EQ(a.region.counters.sent, 10);
	desc = world_desc(0, 1, 0);
	CHECK_EQ(desc->control & ~IVSH_WIRE_CONTROL_START,
	    UINT64_C(1) << IVSH_WIRE_CONTROL_WRAP_SHIFT |
		UINT64_C(7) << IVSH_WIRE_CONTROL_PORT_SHIFT | UINT64_C(3) << 28 | 9u << 22 | 12);
	CHECK((desc->control & IVSH_WIRE_CONTROL_START) != 0);
	CHECK_EQ(desc->body, 0);
	area = b.chan.rx.area[IVSH_AREA_SMALL].base;
	for (uint32_t i = 0; i < 10; i++)
		CHECK_EQ(area[i * 16], 1 + i);
	/* The next payload follows at the next line. SPEC R7.12.2. */
	send_run(2, 20, 7, 1);
	CHECK_EQ(world_desc(0, 1, 1)->body, 192);
	CHECK((world_desc(0, 1, 1)->control & IVSH_WIRE_CONTROL_START) == 0);
	CHECK_EQ(a.chan.tx.head, 2);
}

/* The word that SPEC has for an example. SPEC R7.12. */
static void example(void)
{
	open_both();
	send_run(3, 12, 7, 1);
	CHECK_EQ(world_desc(0, 1, 0)->control, UINT64_C(0x000100077080000c));
}

/* Other ports and lengths end a record, and none has an empty message. SPEC R7.12.1. */
static void runs(void)
{
	uint32_t sent = 0;

	open_both();
	for (uint32_t i = 0; i < 30; i++)
		out[i] =
		    (struct ivsh_message){bytes, i < 10 ? 16 : 24, (uint16_t)(i < 20 ? 1 : 2), 0};
	NEED_EQ(ivsh_chan_send_batch(&a.chan, out, 30, &sent), 0);
	CHECK_EQ(sent, 30);
	CHECK_EQ(a.chan.tx.head, 3);
	/* A run behind others is found; each of the others has its own descriptor. */
	for (uint32_t i = 0; i < 30; i++)
		out[i] = (struct ivsh_message){bytes, i < 5 ? i : 8, (uint16_t)(i < 20 ? 1 : 2), 0};
	NEED_EQ(ivsh_chan_send_batch(&a.chan, out, 30, &sent), 0);
	CHECK_EQ(sent, 30);
	CHECK_EQ(a.chan.tx.head, 3 + 5 + 2);
	for (uint32_t i = 0; i < 30; i++)
		out[i] = (struct ivsh_message){NULL, 0, 1, 0};
	NEED_EQ(ivsh_chan_send_batch(&a.chan, out, 30, &sent), 0);
	CHECK_EQ(a.chan.tx.head, 40);
}

/* Each count and many lengths, one by one and all at once. SPEC R7.12.3, R7.12.5. */
static void each_way(void)
{
	static const uint32_t sizes[] = {1, 3, 7, 8, 9, 13, 16, 24, 40, 63, 64, 65, 100, 200, 256};

	open_both();
	for (uint32_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (uint32_t count = 1; count <= 10; count++) {
			uint32_t size = sizes[s], received = 0, done = 0;

			send_run(count, size, (uint16_t)count, (uint8_t)(s + count));
			for (uint32_t i = 0; i < count; i++)
				take_one(size, (uint16_t)count, (uint8_t)(s + count + i), 0);
			is_empty();
			send_run(count, size, (uint16_t)s, (uint8_t)count);
			while (done < count) {
				NEED_EQ(ivsh_chan_receive_batch(
					    &b.chan, in, MOST, buffer, sizeof(buffer), &received),
				    0);
				for (uint32_t i = 0; i < received; i++, done++)
					is_message(
					    &in[i], size, (uint16_t)s, (uint8_t)(count + done), 0);
			}
			NEED_EQ(done, count);
			is_empty();
		}
	CHECK_EQ(a.region.counters.sent, b.region.counters.received);
}

/* A batch takes what its caller has room for, and another call the rest. SPEC R7.12.8. */
static void in_parts(void)
{
	for (uint32_t part = 1; part <= 32; part++)
		for (uint32_t room = 0; room < 2; room++) {
			uint32_t received = 0, done = 0;

			open_both();
			send_run(32, 12, 1, 0);
			while (done < 32) {
				uint32_t want = 32 - done < part ? 32 - done : part;
				uint32_t capacity = room ? (part - 1) * 16 + 12 : sizeof(buffer);

				memset(buffer, 0xa5, sizeof(buffer));
				NEED_EQ(ivsh_chan_receive_batch(&b.chan, in, room ? MOST : part,
					    buffer, capacity, &received),
				    0);
				NEED_EQ(received, want);
				for (uint32_t i = 0; i < received; i++, done++)
					is_message(&in[i], 12, 1, (uint8_t)done, 0);
				CHECK(capacity >= sizeof(buffer) || buffer[capacity] == 0xa5);
				CHECK_EQ(b.region.counters.received, done);
				CHECK_EQ(b.chan.rx.read, done == 32);
			}
			is_empty();
		}
}

/* A buffer that is too small for one of them leaves it, and ends a wait. SPEC R7.12.5. */
static void too_small(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events = 0, received = 0;

	open_both();
	send_run(4, 12, 1, 0);
	CHECK_EQ(ivsh_chan_receive(&b.chan, in, buffer, 11), IVSH_ENOSPC);
	CHECK_EQ(in->size, 12);
	take_one(12, 1, 0, 0);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, in, 4, buffer, 11, &received), IVSH_ENOSPC);
	NEED_EQ(ivsh_chan_receive_batch(&b.chan, in, 4, buffer, 27, &received), 0);
	CHECK_EQ(received, 1);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	take_one(12, 1, 2, 0);
	take_one(12, 1, 3, 0);
	is_empty();
}

/* The descriptor of a record as a hostile sender stores it. */
static void record_store(uint32_t index, uint64_t low, uint64_t body)
{
	struct ivsh_wire_desc *desc = world_desc(0, 1, index);

	desc->body = body;
	desc->control = UINT64_C(1) << IVSH_WIRE_CONTROL_WRAP_SHIFT | UINT64_C(3) << 28 | low;
}

/*
 * Records that no sender makes: the receiver breaks the channel, and so does a new incarnation of
 * the sender that finds one. SPEC R7.12.4, R7.7.
 */
static void bad_records(void)
{
	const uint32_t small = 4096;
	struct bad {
		uint64_t low, body;
	} bad[] = {
	    {0, 0},                                /* a message of no size */
	    {63u << 22, 0},                        /* 64 of them */
	    {small + 1, 0},                        /* larger than the area */
	    {63u << 22 | 65, 0},                   /* all of them together */
	    {1u << 22 | (small / 2 + 1), 0},       /* with what stands between */
	    {UINT64_C(0x0fffffff), 0},             /* as large as the bits allow */
	    {3u << 22 | 64, small - 192},          /* across the end */
	    {1u << 22 | 8, 8},                     /* not on a line */
	    {1u << 22 | 8, UINT64_C(1) << 32},     /* above 2^32 */
	    {1u << 22 | 8, UINT64_C(8) << 32 | 0}, /* as another version has it */
	    {UINT64_C(1) << 31 | 1u << 22 | 8, 0}, /* the reserved bit */
	};
	uint32_t received;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		open_both();
		CHECK_EQ(a.region.geometry.small_size, small);
		record_store(0, bad[i].low | IVSH_WIRE_CONTROL_START, bad[i].body);
		if (i % 3 == 0)
			CHECK_EQ(
			    ivsh_chan_receive(&b.chan, in, buffer, sizeof(buffer)), IVSH_EPROTO);
		else if (i % 3 == 1)
			CHECK_EQ(ivsh_chan_peek(&b.chan, in), IVSH_EPROTO);
		else
			CHECK_EQ(ivsh_chan_receive_batch(
				     &b.chan, in, MOST, buffer, sizeof(buffer), &received),
			    IVSH_EPROTO);
		CHECK_EQ(b.region.counters.received, 0);
		end_kill(&a);
		CHECK_EQ(end_open(&a, 0, 1, false), IVSH_EPROTO);
	}
	/* At another position than the one that follows, where the area is known. SPEC R7.7.4. */
	open_both();
	send_run(4, 64, 1, 0);
	record_store(1, 1u << 22 | 64, 512);
	NEED_EQ(ivsh_chan_receive_batch(&b.chan, in, MOST, buffer, sizeof(buffer), &received), 0);
	CHECK_EQ(received, 4);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, in, MOST, buffer, sizeof(buffer), &received),
	    IVSH_EPROTO);
}

/*
 * A descriptor that changes behind the first message changes none of the others; without its wrap
 * counter there are no others. SPEC R5.12.6, R7.12.6.
 */
static void loaded_once(void)
{
	static const uint64_t later[] = {0, UINT64_MAX, UINT64_C(1) << 48 | UINT64_C(63) << 22 | 1};
	uint32_t received;

	for (uint32_t i = 0; i < 6; i++) {
		open_both();
		send_run(8, 20, 5, 0);
		take_one(20, 5, 0, 0);
		world_desc(0, 1, 0)->control = later[i % 3];
		world_desc(0, 1, 0)->body = UINT64_MAX;
		for (uint8_t n = 1; n < 8 && i % 3 == 2; n++)
			take_one(20, 5, n, 0);
		CHECK_EQ(i < 3 ? ivsh_chan_receive(&b.chan, in, buffer, sizeof(buffer))
			       : ivsh_chan_receive_batch(
				     &b.chan, in, MOST, buffer, sizeof(buffer), &received),
		    IVSH_EAGAIN);
		CHECK_EQ(b.chan.rx.read, i % 3 == 2);
		CHECK_EQ(b.region.counters.received, i % 3 == 2 ? 8 : 1);
		CHECK_EQ(b.chan.dead, false);
	}
}

/* The receiver is killed in the middle: all of the record comes again. SPEC R7.11.2. */
static void killed(void)
{
	for (uint8_t taken = 0; taken <= 8; taken++) {
		open_both();
		send_run(8, 20, 5, 0);
		for (uint8_t n = 0; n < taken; n++)
			take_one(20, 5, n, 0);
		/* One that detaches leaves no more than one that is killed. */
		if (taken % 2)
			ivsh_chan_close(&b.chan);
		end_kill(&b);
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		send_run(8, 8, 6, 8);
		for (uint8_t n = 0; n < 8; n++)
			take_one(20, 5, n, IVSH_MAYBE_SEEN);
		for (uint8_t n = 8; n < 16; n++)
			take_one(8, 6, n, 0);
		is_empty();
	}
}

/* An attach that discards the backlog counts messages. SPEC R7.12.9. */
static void discarded(void)
{
	open_both();
	send_run(8, 20, 5, 0);
	send_run(1, 8, 5, 0);
	send_run(30, 8, 5, 0);
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, true), 0);
	CHECK_EQ(b.region.counters.discarded, 39);
	is_empty();
}

/*
 * The sender begins a new generation while the receiver is in the middle of a record: the receiver
 * takes the rest, and then follows. SPEC R6.5.2, R7.12.7.
 */
static void sender_resets(void)
{
	open_both();
	send_run(8, 20, 5, 0);
	take_one(20, 5, 0, 0);
	world_ring(0, 1).receiver->read = 1000;
	NEED_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(a.chan.dead, true);
	world_ring(0, 1).receiver->read = 0;
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	for (uint8_t n = 1; n < 8; n++)
		take_one(20, 5, n, 0);
	is_empty();
	CHECK_EQ(b.chan.lost, 1);
	send_run(8, 20, 5, 20);
	for (uint8_t n = 20; n < 28; n++)
		take_one(20, 5, n, 0);
}

/* The receiver resets in the middle of a record: the rest is lost, and both sides say so. */
static void receiver_resets(void)
{
	open_both();
	send_run(8, 20, 5, 0);
	take_one(20, 5, 0, 0);
	world_ring(0, 1).receiver->generation_ack = 1000;
	NEED_EQ(world_wait(&b.region, 1), 0);
	CHECK_EQ(b.chan.dead, true);
	CHECK_EQ(ivsh_chan_receive(&b.chan, in, buffer, sizeof(buffer)), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	is_empty();
	/* The sender answers, the receiver follows, the sender goes on. */
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(world_wait(&a.region, 1), 0);
		is_empty();
	}
	CHECK_EQ(b.chan.lost, 1);
	CHECK_EQ(a.chan.lost, 1);
	send_run(8, 20, 5, 20);
	for (uint8_t n = 20; n < 28; n++)
		take_one(20, 5, n, 0);
}

/* The receiver's machine is moved in the middle of a record: the rest is lost. SPEC R5.11. */
static void moved(void)
{
	for (uint32_t way = 0; way < 4; way++) {
		uint32_t received = 0;
		int error;

		open_both();
		send_run(8, 20, 5, 0);
		take_one(20, 5, 0, 0);
		if (way == 3)
			NEED_EQ(ivsh_chan_peek(&b.chan, in), 0);
		world.vm_generation[1]++;
		if (way == 0)
			error = ivsh_chan_receive(&b.chan, in, buffer, sizeof(buffer));
		else if (way == 1)
			error = ivsh_chan_receive_batch(
			    &b.chan, in, MOST, buffer, sizeof(buffer), &received);
		else if (way == 2)
			error = ivsh_chan_peek(&b.chan, in);
		else
			error = ivsh_chan_release(&b.chan);
		CHECK_EQ(error, IVSH_EAGAIN);
		CHECK_EQ(received, 0);
		CHECK_EQ(b.region.counters.received, 1);
		for (unsigned i = 0; i < 3; i++) {
			CHECK_EQ(world_wait(&a.region, 1), 0);
			is_empty();
		}
		CHECK_EQ(b.chan.lost != 0, true);
		send_run(8, 20, 5, 20);
		for (uint8_t n = 20; n < 28; n++)
			take_one(20, 5, n, 0);
	}
}

/* A new incarnation of the sender goes on behind records in flight, and takes no room of theirs. */
static void sender_again(void)
{
	open_both();
	for (uint8_t round = 0; round < 30; round++) {
		uint8_t at = (uint8_t)(round * 8);

		send_run(4, 100, 5, at);
		end_kill(&a);
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		CHECK_EQ(a.chan.tx.now.end[IVSH_AREA_SMALL] % 64, 0);
		send_run(4, 100, 5, (uint8_t)(at + 4));
		for (uint8_t n = 0; n < 8; n++)
			take_one(100, 5, (uint8_t)(at + n), 0);
		is_empty();
	}
}

/*
 * Messages of records, too, are at most 64 between two checks: the sender finds a request, and
 * stores nothing that belongs to the next generation. SPEC R6.8.1, R6.8.2, R7.12.9.
 */
static void checks(void)
{
	uint32_t sent = 0, all = 0;

	open_both();
	send_run(20, 8, 1, 0);
	world_ring(0, 1).receiver->reset_request++;
	for (uint32_t i = 0; i < 10; i++) {
		int error = ivsh_chan_send_batch(&a.chan, out, 20, &sent);

		all += sent;
		if (error) {
			CHECK_EQ(error, IVSH_EAGAIN);
			break;
		}
	}
	CHECK(all <= 64);
	CHECK_EQ(a.chan.tx.generation, 1);
}

/* Between two messages of a record each other channel has its turn, as ivsh_region_next() says. */
static void in_turn(void)
{
	static struct end c;
	static struct ivsh_chan from_c;
	static struct ivsh_record records[64];
	struct ivsh_chan *chan;
	uint32_t last = 0;

	open_both();
	CHECK_EQ(end_open(&c, 2, 1, false), 0);
	NEED_EQ(ivsh_chan_open(&from_c, &b.region, 2, records, 64), 0);
	send_run(6, 20, 5, 0);
	for (uint32_t i = 0; i < 3; i++)
		NEED_EQ(ivsh_chan_send(&c.chan, 1, "other", 5), 0);
	for (uint32_t i = 0; i < 9; i++) {
		NEED_EQ(ivsh_region_next(&b.region, &chan, in), 0);
		CHECK_EQ(chan == &from_c, in->size == 5);
		CHECK(i == 0 || i >= 6 || in->size != last);
		last = in->size;
		NEED_EQ(ivsh_chan_release(chan), 0);
	}
	CHECK_EQ(ivsh_region_next(&b.region, &chan, in), IVSH_EAGAIN);
}

static const struct test tests[] = {
    {"in turn", in_turn},
    {"stored", stored},
    {"example", example},
    {"runs", runs},
    {"large ones", large_ones},
    {"each way", each_way},
    {"in parts", in_parts},
    {"buffer too small", too_small},
    {"bad records", bad_records},
    {"loaded once", loaded_once},
    {"receiver killed", killed},
    {"discarded", discarded},
    {"sender resets", sender_resets},
    {"receiver resets", receiver_resets},
    {"moved", moved},
    {"sender comes back", sender_again},
    {"checks", checks},
};

int main(void)
{
	return test_main("packed", tests, sizeof(tests) / sizeof(tests[0]));
}
