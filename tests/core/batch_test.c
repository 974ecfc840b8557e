/* SPDX-License-Identifier: MIT */
/*
 * batch_test.c - many messages in one call, alone and mixed with all other ways to send and
 * receive.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

#define MOST 40u
#define LINE 8192u /* bytes of a message at most */
#define DESCS 64u

static struct end a, b;
static uint8_t arena[MOST * LINE], buffer[MOST * LINE], want[LINE];
static struct ivsh_message messages[MOST];
static uint32_t seed;

/* The messages in the ring, (get) to (put) - 1; a descriptor may have IVSH_WIRE_PACKED_MAX. */
static struct {
	uint32_t size;
	uint16_t port;
} queue[DESCS * IVSH_WIRE_PACKED_MAX];
#define QUEUED (sizeof(queue) / sizeof(queue[0]))
static uint32_t put, get;

static void open_both(void)
{
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	put = get = 0;
}

/* The bytes of message (n). */
static void fill(uint8_t *bytes, uint32_t size, uint32_t n)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(n * 31 + i * 7 + (i >> 8));
}

static uint32_t align_8(uint32_t at)
{
	return (at + 7) & ~7u;
}

/* Inline, small area, large area: the larger the less often. */
static uint32_t size_any(void)
{
	uint32_t dice = world_random(&seed) % 16, any = world_random(&seed);

	if (dice < 4)
		return 8;
	if (dice < 7)
		return any % 9;
	if (dice < 11)
		return 9 + any % 56;
	return dice < 15 ? 65 + any % 960 : 1025 + any % (LINE - 1024);
}

/*
 * (count) messages that come after those that were sent. Some batches have runs of them that are
 * packed.
 */
static void batch_make(uint32_t count)
{
	uint32_t size = 0, port = 0, run = world_random(&seed) % 2 ? 0 : 60;

	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || world_random(&seed) % 64 >= run) {
			size = size_any();
			port = put + i;
		}
		fill(arena + i * LINE, size, put + i);
		messages[i] = (struct ivsh_message){
		    arena + i * LINE, size, (uint16_t)port, (uint16_t)world_random(&seed)};
	}
}

static void accepted(const struct ivsh_message *message)
{
	queue[put % QUEUED].size = message->size;
	queue[put++ % QUEUED].port = message->port;
	CHECK(a.chan.tx.head - a.chan.tx.read <= DESCS);
}

static void send_batch(uint32_t count)
{
	uint32_t sent = UINT32_MAX;
	int error;

	batch_make(count);
	error = ivsh_chan_send_batch(&a.chan, messages, count, &sent);
	NEED_EQ(error == 0 || error == IVSH_EAGAIN, true);
	NEED_EQ(sent <= count, true);
	CHECK_EQ(error == 0, sent == count);
	for (uint32_t i = 0; i < sent; i++)
		accepted(&messages[i]);
	/* A message that was not accepted finds no room alone either. */
	if (error)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, messages[sent].data, messages[sent].size),
		    IVSH_EAGAIN);
}

static void send_one(uint32_t how)
{
	void *payload;
	int error;

	batch_make(1);
	if (how == 0) {
		error = ivsh_chan_send(&a.chan, messages->port, messages->data, messages->size);
	} else {
		error = ivsh_chan_reserve(&a.chan, messages->size, &payload);
		if (!error)
			memcpy(payload, messages->data, messages->size);
		if (!error && how == 1) {
			error = ivsh_chan_publish(&a.chan, messages->port);
		} else if (!error) {
			/* No other call works meanwhile, and none had an effect. */
			uint32_t sent = 7;

			CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), IVSH_EINVAL);
			CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, 1, &sent), IVSH_EINVAL);
			CHECK_EQ(sent, 0);
			ivsh_chan_abandon(&a.chan);
			return;
		}
	}
	NEED_EQ(error == 0 || error == IVSH_EAGAIN, true);
	if (!error)
		accepted(messages);
}

/* (message) is the next one, and whole. */
static void came(const struct ivsh_message *message)
{
	NEED_EQ(get != put, true);
	CHECK_EQ(message->size, queue[get % QUEUED].size);
	CHECK_EQ(message->port, queue[get % QUEUED].port);
	CHECK_EQ(message->flags, 0);
	fill(want, message->size, get);
	CHECK_EQ(memcmp(message->data, want, message->size), 0);
	get++;
}

static void receive_batch(uint32_t count, uint32_t capacity)
{
	uint32_t received = UINT32_MAX, at = 0;
	int error;

	memset(buffer + capacity, 0x5a, 16);
	error = ivsh_chan_receive_batch(&b.chan, messages, count, buffer, capacity, &received);
	if (error) {
		CHECK_EQ(received, 0);
		CHECK_EQ(error, get == put ? IVSH_EAGAIN : IVSH_ENOSPC);
		if (get != put)
			CHECK_EQ(messages->size, queue[get % QUEUED].size);
		CHECK(get == put || messages->size > capacity);
		return;
	}
	NEED_EQ(received >= 1 && received <= count, true);
	for (uint32_t i = 0; i < received; i++) {
		CHECK_EQ((const uint8_t *)messages[i].data - buffer, align_8(at));
		at = align_8(at) + messages[i].size;
		NEED_EQ(at <= capacity, true);
		came(&messages[i]);
	}
	/* It stopped for one of three reasons. */
	CHECK(received == count || get == put || align_8(at) > capacity ||
	      queue[get % QUEUED].size > capacity - align_8(at));
	for (uint32_t i = 0; i < 16; i++)
		CHECK_EQ(buffer[capacity + i], 0x5a);
}

static void receive_one(uint32_t how)
{
	struct ivsh_message message;
	int error;

	if (how == 0) {
		error = ivsh_chan_receive(&b.chan, &message, buffer, sizeof(buffer));
		if (!error)
			came(&message);
	} else {
		error = ivsh_chan_peek(&b.chan, &message);
		if (!error && how == 1) {
			came(&message);
			error = ivsh_chan_release(&b.chan);
		} else if (!error) {
			uint32_t before = get;

			/* A peeked message is the first one of a batch. */
			receive_batch(1 + world_random(&seed) % MOST, LINE);
			CHECK(get > before);
			return;
		}
	}
	CHECK_EQ(error, error ? IVSH_EAGAIN : 0);
	if (error)
		CHECK_EQ(get, put);
}

static void traffic(uint32_t steps)
{
	static const uint32_t capacities[] = {0, 7, 8, 64, 100, 1000, 5000, LINE, MOST * LINE - 16};

	for (uint32_t step = 0; step < steps; step++) {
		/* Drawn one after the other: arguments are evaluated in any order. */
		uint32_t dice = world_random(&seed) % 100;
		uint32_t count = world_random(&seed) % MOST, which = world_random(&seed) % 9;

		if (dice < 25)
			send_batch(count + 1);
		else if (dice < 45)
			send_one(world_random(&seed) % 3);
		else if (dice < 70)
			receive_batch(1 + count, capacities[which]);
		else if (dice < 98)
			receive_one(world_random(&seed) % 3);
		else
			CHECK_EQ(world_wait(&(dice & 1 ? &a : &b)->region, 1), 0);
		CHECK_EQ(a.region.counters.sent, put);
		CHECK_EQ(b.region.counters.received, get);
		NEED_EQ(a.chan.dead || b.chan.dead, false);
	}
}

/*
 * All ways to send and receive, against a plain queue, across wraps and ends of areas. SPEC R7.1.
 */
static void random_traffic(void)
{
	seed = 17;
	open_both();
	traffic(20000);
	CHECK(get > 20000);
	CHECK(a.chan.tx.head < put); /* some were packed */
}

/* The same where index and wrap go round. SPEC R7.4. */
static void counts_wrap(void)
{
	static const uint32_t starts[] = {
	    UINT32_MAX - 200, 64 * 65535 - 100, 64 * 65536 - 90, 64 * 40000 - 33};

	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		seed = 100 + i;
		world_format();
		world_ring(0, 1).receiver->read = starts[i];
		/* Descriptors of an earlier wrap do not count. */
		for (uint32_t d = 0; d < DESCS; d++)
			world_desc(0, 1, d)->control = (uint64_t)(uint16_t)((starts[i] >> 6) - 3)
						       << 48;
		NEED_EQ(end_open(&a, 0, 1, false), 0);
		NEED_EQ(end_open(&b, 1, 0, false), 0);
		put = get = 0;
		CHECK_EQ(a.chan.tx.head, starts[i]);
		traffic(1000);
		CHECK(get > 600);
		CHECK(a.chan.tx.head - starts[i] < put); /* some were packed */
	}
}

/* No message at all, and one that does not fit. */
static void edges(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t count = 5, events;

	open_both();
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, NULL, 0, &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, NULL, 0, &count), IVSH_EAGAIN);
	CHECK_EQ(count, 0);
	/* The third of four can never fit: two were accepted. */
	for (uint32_t i = 0; i < 4; i++)
		messages[i] = (struct ivsh_message){arena, i == 2 ? LINE + 1 : 40, 1, 0};
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, 4, &count), IVSH_EINVAL);
	CHECK_EQ(count, 2);
	/* A message that stays behind for lack of buffer ends a wait, as any that is new. */
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, buffer, 79, &count), 0);
	CHECK_EQ(count, 1);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, buffer, 39, &count), IVSH_ENOSPC);
	CHECK_EQ(count, 0);
	CHECK_EQ(messages->size, 40);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, buffer, 40, &count), 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, buffer, 40, &count), IVSH_EAGAIN);
	/* Of size 0 any number fits anywhere. */
	for (uint32_t i = 0; i < 30; i++)
		messages[i] = (struct ivsh_message){NULL, 0, (uint16_t)i, 0};
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, 30, &count), 0);
	CHECK_EQ(ivsh_chan_receive_batch(&b.chan, messages, MOST, NULL, 0, &count), 0);
	CHECK_EQ(count, 30);
	CHECK_EQ(messages[29].port, 29);
}

/*
 * Messages of no size where the buffer is full, or ends before the next multiple of 8: they get a
 * position in the buffer, or they stay. On both paths: each message alone, and several in a row.
 */
static void ends_of_buffer(void)
{
	for (uint32_t first = 0; first <= 17; first++)
		for (uint32_t capacity = first; capacity <= 24; capacity++)
			for (uint32_t held = 0; held < 2; held++) {
				uint32_t count = 0, fit = align_8(first) <= capacity ? 3 : 1;

				open_both();
				messages[0] = (struct ivsh_message){arena, first, 1, 0};
				messages[1] = messages[2] = (struct ivsh_message){NULL, 0, 2, 0};
				NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 3, &count), 0);
				/* A peeked message takes the slow path, and the rest goes alone. */
				if (held)
					NEED_EQ(ivsh_chan_peek(&b.chan, messages), 0);
				NEED_EQ(ivsh_chan_receive_batch(
					    &b.chan, messages, 3, buffer, capacity, &count),
				    0);
				CHECK_EQ(count, fit);
				for (uint32_t i = 0; i < count && i < 3; i++)
					CHECK((const uint8_t *)messages[i].data - buffer +
						  (ptrdiff_t)messages[i].size <=
					      (ptrdiff_t)capacity);
				if (fit == 3)
					continue;
				NEED_EQ(ivsh_chan_receive_batch(
					    &b.chan, messages, 3, buffer, capacity, &count),
				    0);
				CHECK_EQ(count, 2);
			}
}

/* Messages that an earlier incarnation may have seen come marked, the rest unmarked. SPEC R7.11. */
static void marked(void)
{
	uint32_t count = 0;

	open_both();
	seed = 3;
	batch_make(12);
	for (uint32_t i = 0; i < 12; i++)
		messages[i].size %= 300;
	NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 12, &count), 0);
	NEED_EQ(ivsh_chan_receive_batch(&b.chan, messages, 5, buffer, sizeof(buffer), &count), 0);
	CHECK_EQ(count, 5);
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	batch_make(8);
	for (uint32_t i = 0; i < 8; i++)
		messages[i] = (struct ivsh_message){arena, 8, (uint16_t)(12 + i), 0};
	NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 8, &count), 0);
	NEED_EQ(
	    ivsh_chan_receive_batch(&b.chan, messages, MOST, buffer, sizeof(buffer), &count), 0);
	NEED_EQ(count > 8, true);
	for (uint32_t i = 0; i < count; i++) {
		CHECK_EQ(messages[i].port, 20 - count + i);
		CHECK_EQ(messages[i].flags, messages[i].port < 12 ? IVSH_MAYBE_SEEN : 0);
	}
}

/* Damage in the middle: the messages before it come, and then the error. SPEC R7.8.1. */
static void breaks(void)
{
	uint32_t count = 0;

	for (uint32_t at = 0; at < 20; at++) {
		open_both();
		for (uint32_t i = 0; i < 20; i++)
			messages[i] = (struct ivsh_message){arena, i % 3 ? 8 : 50, (uint16_t)i, 0};
		NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 20, &count), 0);
		world_desc(0, 1, at)->control |= IVSH_WIRE_CONTROL_RESERVED;
		CHECK_EQ(ivsh_chan_receive_batch(
			     &b.chan, messages, MOST, buffer, sizeof(buffer), &count),
		    at ? 0 : IVSH_EPROTO);
		CHECK_EQ(count, at);
		for (uint32_t i = 0; i < at; i++)
			CHECK_EQ(messages[i].port, i);
		CHECK_EQ(b.region.counters.received, at);
		CHECK_EQ(ivsh_chan_receive_batch(
			     &b.chan, messages, MOST, buffer, sizeof(buffer), &count),
		    IVSH_EPROTO);
		CHECK_EQ(count, 0);
		CHECK_EQ(b.region.counters.errors, 1);
	}
	/* The sender finds an impossible read index when its room is over. */
	open_both();
	for (uint32_t i = 0; i < MOST; i++)
		messages[i] = (struct ivsh_message){arena, 8, (uint16_t)i, 0};
	NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, MOST, &count), 0);
	world_ring(0, 1).receiver->read = 1000;
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, MOST, &count), IVSH_EPROTO);
	CHECK_EQ(count, DESCS - MOST);
	CHECK_EQ(a.region.counters.sent, DESCS);
	CHECK_EQ(ivsh_chan_send_batch(&a.chan, messages, MOST, &count), IVSH_EPROTO);
	CHECK_EQ(count, 0);
}

/*
 * One notification for all of a batch, and one change of the pending byte where the ring was
 * empty.
 */
static void told(void)
{
	uint32_t count = 0;

	open_both();
	for (uint32_t i = 0; i < 20; i++)
		messages[i] = (struct ivsh_message){arena, 8, (uint16_t)i, 0};
	world_ring(0, 1).receiver->notify_flags =
	    IVSH_WIRE_NOTIFY_REQUEST | IVSH_WIRE_NOTIFY_PENDING;
	world_ring(0, 1).receiver->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 3;
	NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 20, &count), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_vector, 2);
	CHECK(*world_pending(0, 1) != 0);
	count = *world_pending(0, 1);
	/* Not empty any more: the receiver has not published that it took any. */
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	NEED_EQ(ivsh_chan_send_batch(&a.chan, messages, 1, &put), 0);
	CHECK_EQ(*world_pending(0, 1), count);
	CHECK_EQ(world.rings, 1);
	/* Taken in one go, they are released with one notification for a sender that waits for
	 * room. */
	world_ring(0, 1).sender->notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	world_ring(0, 1).sender->notify_request = 1u << IVSH_WIRE_REQUEST_SHIFT | 1;
	NEED_EQ(ivsh_chan_receive_batch(&b.chan, messages, 10, buffer, sizeof(buffer), &count), 0);
	CHECK_EQ(count, 10);
	CHECK_EQ(world.rings, 2);
	CHECK_EQ(world_ring(0, 1).receiver->read, 10);
}

static const struct test tests[] = {
    {"random traffic", random_traffic},
    {"counts wrap", counts_wrap},
    {"edges", edges},
    {"ends of the buffer", ends_of_buffer},
    {"marked", marked},
    {"breaks", breaks},
    {"told", told},
};

int main(void)
{
	return test_main("batch", tests, sizeof(tests) / sizeof(tests[0]));
}
