/* SPDX-License-Identifier: MIT */
/*
 * reset_test.c - a ring is damaged, and its two sides start over in it.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static uint8_t in[8192];

static void open_both(void)
{
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
}

/* Send (n) as a message of 4 bytes. */
static int send(struct end *end, uint32_t n)
{
	return ivsh_chan_send(&end->chan, 1, &n, sizeof(n));
}

/* Receive one: its number, or an error. */
static long long receive(struct end *end)
{
	struct ivsh_message message;
	uint32_t n;
	int error = ivsh_chan_receive(&end->chan, &message, in, sizeof(in));

	if (error)
		return error;
	memcpy(&n, in, sizeof(n));
	return n;
}

/* The control word of a descriptor that no sender may write, at (index) of a ring of 64. */
static uint64_t nonsense(uint32_t index)
{
	return (uint64_t)(uint16_t)(index / 64 + 1) << 48 | 3u << 28;
}

/* One side has damage, both go on without it. SPEC R6.3, R6.5, R6.7, R7.8, R9.3. */
static void receiver_asks(void)
{
	open_both();
	NEED_EQ(send(&a, 1), 0);
	NEED_EQ(send(&b, 100), 0);
	NEED_EQ(receive(&b), 1);
	world_desc(0, 1, 1)->control = nonsense(1);
	CHECK_EQ(receive(&b), IVSH_EPROTO);
	CHECK_EQ(send(&b, 101), IVSH_EPROTO);
	CHECK_EQ(b.region.counters.errors, 1);
	/* No ring is reset before the application calls for it. */
	CHECK_EQ(world_ring(0, 1).receiver->reset_request, 0);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK_EQ(world_ring(0, 1).receiver->reset_request, 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	/* The sender may still accept one message into the old generation; behind that it sees the
	 * reset request. Then it begins a new generation, the receiver follows, and the sender goes
	 * on. */
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_RESET);
	CHECK_EQ(send(&a, 2), 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 0);
	CHECK_EQ(send(&a, 2), IVSH_EAGAIN);
	CHECK_EQ(world_ring(0, 1).sender->generation, 1);
	CHECK_EQ(world_ring(0, 1).sender->reset_ack, 1);
	CHECK_EQ(world_ring(0, 1).sender->start % 64, 0);
	CHECK_EQ(send(&a, 2), IVSH_EAGAIN);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(world_ring(0, 1).receiver->generation_ack, 1);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	CHECK_EQ(world_ring(0, 1).receiver->read, world_ring(0, 1).sender->start);
	for (uint32_t n = 2; n < 300; n++) {
		NEED_EQ(send(&a, n), 0);
		NEED_EQ(receive(&b), n);
	}
	CHECK_EQ(a.region.counters.lost, 1);
	CHECK_EQ(b.region.counters.lost, 1);
	CHECK_EQ(a.chan.lost, 1);
	CHECK_EQ(b.chan.lost, 1);
	CHECK_EQ(a.region.counters.errors, 0);
	/* The other direction has lost nothing. */
	NEED_EQ(send(&b, 101), 0);
	CHECK_EQ(receive(&a), 100);
	CHECK_EQ(receive(&a), 101);
	CHECK_EQ(world_ring(1, 0).sender->generation, 0);
	/* Harmless where nothing is broken; nothing without a channel. */
	CHECK_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(world_ring(0, 1).receiver->reset_request, 1);
	ivsh_chan_close(&b.chan);
	CHECK_EQ(ivsh_chan_reset(&b.chan), IVSH_EINVAL);
}

/*
 * The receiver reads the old generation to its end: accepted and whole messages still come. R6.5.2.
 */
static void sender_begins(void)
{
	struct ivsh_message held;
	void *payload;

	open_both();
	for (uint32_t n = 0; n < 64; n++)
		NEED_EQ(send(&a, n), 0);
	NEED_EQ(receive(&b), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &held), 0);
	world_ring(0, 1).receiver->read = 65;
	CHECK_EQ(send(&a, 64), IVSH_EPROTO);
	CHECK_EQ(ivsh_chan_reserve(&a.chan, 4, &payload), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	CHECK_EQ(send(&a, 64), IVSH_EAGAIN);
	/* A message that is held stays whole meanwhile. */
	CHECK_EQ(ivsh_chan_peek(&b.chan, &held), 0);
	CHECK_EQ(memcmp(held.data, &(uint32_t){1}, 4), 0);
	for (uint32_t n = 1; n < 64; n++)
		NEED_EQ(receive(&b), n);
	CHECK_EQ(b.chan.lost, 0);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(b.chan.lost, 1);
	for (uint32_t n = 64; n < 300; n++) {
		NEED_EQ(send(&a, n), 0);
		NEED_EQ(receive(&b), n);
	}
	CHECK_EQ(a.chan.lost, 1);
	CHECK_EQ(a.region.counters.lost, 1);
}

/* Both sides have damage at once, in the same ring. SPEC R6.3. */
static void both_ask(void)
{
	open_both();
	NEED_EQ(send(&a, 0), 0);
	world_desc(0, 1, 0)->control = nonsense(0);
	CHECK_EQ(receive(&b), IVSH_EPROTO);
	world_ring(0, 1).receiver->read = 77;
	CHECK_EQ(world_wait(&a.region, 0), 0);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	world_ring(0, 1).receiver->read = 77;
	CHECK_EQ(world_wait(&b.region, 1), 0);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	world_ring(0, 1).sender->start = 5;
	CHECK_EQ(world_wait(&a.region, 1), 0);
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(send(&a, 1) <= 0, 1);
		CHECK_EQ(receive(&b) >= IVSH_EAGAIN, 1);
	}
	while (receive(&b) >= 0)
		;
	NEED_EQ(send(&a, 9), 0);
	CHECK_EQ(receive(&b), 9);
	CHECK_EQ(send(&b, 10), 0);
	CHECK_EQ(receive(&a), 10);
}

/* A generation begins where nothing in the ring can be taken for its message. SPEC R6.3.1. */
static void start_free(void)
{
	static const struct {
		const char *row;
		uint16_t first, step;
	} rows[] = {{"all alike", 0, 0}, {"the next ones", 2, 1}, {"every second", 2, 2},
	    {"wide", 0, 1024}, {"around 0", 0xffe0, 1}, {"from 1", 1, 1}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t wrap;

		test_row(rows[i].row);
		open_both();
		for (uint32_t d = 0; d < 64; d++)
			world_desc(0, 1, d)->control =
			    (uint64_t)(uint16_t)(rows[i].first + d * rows[i].step) << 48;
		world_ring(0, 1).receiver->reset_request = 7;
		CHECK_EQ(send(&a, 1), IVSH_EAGAIN);
		CHECK_EQ(world_ring(0, 1).sender->reset_ack, 7);
		wrap = (uint16_t)(world_ring(0, 1).sender->start / 64 + 1);
		for (uint32_t d = 0; d < 64; d++)
			CHECK(world_desc(0, 1, d)->control >> 48 != wrap);
	}
}

/*
 * A peer that requests resets again and again costs only its own channel, one generation a call.
 * SPEC R6.7, R9.3.
 */
static void endless(void)
{
	struct ivsh_record records[64];
	struct ivsh_chan other;

	open_both();
	NEED_EQ(ivsh_chan_open(&other, &a.region, 2, records, 64), 0);
	for (uint32_t i = 1; i < 1000; i++) {
		uint32_t before = world_ring(0, 1).sender->generation;

		world_ring(0, 1).receiver->reset_request += 1 + i % 3;
		world_ring(0, 1).receiver->generation_ack = before;
		CHECK_EQ(send(&a, i), IVSH_EAGAIN);
		CHECK(world_ring(0, 1).sender->generation - before <= 2);
		CHECK_EQ(ivsh_chan_send(&other, 1, &i, 4), i <= 64 ? 0 : IVSH_EAGAIN);
	}
	for (uint32_t i = 1; i < 1000; i++) {
		world_ring(1, 0).sender->generation += 1 + i % 3;
		world_ring(1, 0).sender->start = i * 12345;
		CHECK_EQ(receive(&a), IVSH_EAGAIN);
		CHECK_EQ(
		    world_ring(1, 0).receiver->generation_ack, world_ring(1, 0).sender->generation);
	}
	CHECK_EQ(a.region.counters.lost, 999);
	CHECK_EQ(a.region.counters.errors, 0);
}

/*
 * A reservation or a peeked message is void after one's own reset; the other side's reset waits for
 * it.
 */
static void holds(void)
{
	struct ivsh_message message;
	void *payload;

	open_both();
	NEED_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
	world_ring(0, 1).receiver->reset_request = 1;
	b.chan.rx.reset_request = 1;
	b.chan.rx.waiting = true;
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(world_ring(0, 1).sender->reset_ack, 0);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), 0);
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(world_ring(0, 1).sender->reset_ack, 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	NEED_EQ(send(&a, 3), 0);
	CHECK_EQ(receive(&b), 3);

	NEED_EQ(send(&a, 4), 0);
	NEED_EQ(ivsh_chan_reserve(&b.chan, 100, &payload), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &message), 0);
	world_ring(1, 0).sender->generation ^= 1;
	world_ring(0, 1).receiver->read ^= 1;
	CHECK_EQ(world_wait(&b.region, 1), 0);
	CHECK_EQ(ivsh_chan_release(&b.chan), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK_EQ(ivsh_chan_release(&b.chan), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_publish(&b.chan, 1), IVSH_EINVAL);
}

/* A sleeper is notified of each step of the other side. SPEC R8.2.10. */
static void notifies(void)
{
	open_both();
	world_desc(0, 1, 0)->control = nonsense(0);
	CHECK_EQ(receive(&b), IVSH_EPROTO);
	world_ring(0, 1).sender->notify_request = 1 << 12 | 3;
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_vector, 2);
	world_ring(0, 1).receiver->notify_request = 1 << 12 | 2;
	CHECK_EQ(send(&a, 1), IVSH_EAGAIN);
	CHECK_EQ(world.rings, 2);
	CHECK_EQ(world.ring_peer, 1);
	world_ring(0, 1).sender->notify_request = 2 << 12 | 3;
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(world.rings, 3);
	CHECK_EQ(world.ring_peer, 0);
	/* A side that waits for a message is notified of a reset of the other ring, too. */
	world_ring(1, 0).receiver->notify_request = 3 << 12 | 1;
	world_desc(0, 1, world_ring(0, 1).sender->start)->control =
	    nonsense(world_ring(0, 1).sender->start);
	CHECK_EQ(receive(&b), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	CHECK_EQ(world.rings, 4);
	CHECK_EQ(world.ring_vector, 0);
}

/* A waiting application follows, and its wait ends to report it. SPEC R6.5.5. */
static void waits(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	open_both();
	world_ring(0, 1).receiver->reset_request = 1;
	b.chan.rx.reset_request = 1;
	b.chan.rx.waiting = true;
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world_ring(0, 1).sender->reset_ack, 1);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(world.slept_ns, 1000);
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, 0);
	NEED_EQ(send(&a, 1), 0);
	CHECK_EQ(receive(&b), 1);
}

/* A new incarnation finds the state of the handshake, whichever words have it. SPEC R6.4. */
static void standing(void)
{
	static const struct {
		uint32_t sender_generation, receiver_generation_ack, receiver_reset_request,
		    sender_reset_ack;
		uint64_t lost; /* by both */
	} rows[] = {{0, 0, 0, 0, 0}, {3, 3, 4, 4, 0}, {1, 0, 0, 0, 2}, {0, 0, 1, 0, 2},
	    {0, 1, 0, 0, 2}, {5, 4, 9, 8, 2}, {UINT32_MAX, 0, 0, 0, 2},
	    {0, UINT32_MAX, UINT32_MAX, 0, 2}};

	for (unsigned i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct ring ring;
		uint64_t lost;

		/* Either side comes first; either direction. */
		struct end *from = i & 1 ? &a : &b, *to = i & 1 ? &b : &a;

		world_format();
		ring = i & 1 ? world_ring(0, 1) : world_ring(1, 0);
		ring.sender->generation = rows[i / 4].sender_generation;
		ring.sender->reset_ack = rows[i / 4].sender_reset_ack;
		ring.receiver->reset_request = rows[i / 4].receiver_reset_request;
		ring.receiver->generation_ack = rows[i / 4].receiver_generation_ack;
		ring.sender->reported = ring.sender->generation;
		ring.receiver->reported = ring.receiver->generation_ack;
		CHECK_EQ(end_open(i & 2 ? &a : &b, i & 2 ? 0 : 1, i & 2 ? 1 : 0, false), 0);
		CHECK_EQ(end_open(i & 2 ? &b : &a, i & 2 ? 1 : 0, i & 2 ? 0 : 1, false), 0);
		for (unsigned try = 0; try < 4 && send(from, 1) == IVSH_EAGAIN; try++)
			CHECK_EQ(receive(to), IVSH_EAGAIN);
		CHECK_EQ(receive(to), 1);
		CHECK_EQ(receive(to), IVSH_EAGAIN);
		/* A side that follows two generations begun in its absence counts both. */
		lost = from->chan.lost + to->chan.lost;
		CHECK(lost >= rows[i / 4].lost && lost <= rows[i / 4].lost * 2);
	}
}

/* Whatever a call answers: the application resets what broke. */
static int heal(struct end *end, int error)
{
	if (error == IVSH_EPROTO)
		CHECK_EQ(ivsh_chan_reset(&end->chan), 0);
	CHECK(error == 0 || error == IVSH_EAGAIN || error == IVSH_EPROTO);
	return error;
}

/*
 * A third party writes anywhere into a ring's lines and descriptors. When it stops, two innocents
 * that reset what breaks talk again, in order: within the 256 calls that R6.6 leaves them, and the
 * steps of a few resets. SPEC R6.6, R9.1, R9.5.
 */
static void third_party(void)
{
	uint32_t seed = 11;

	open_both();
	for (unsigned round = 0; round < 400; round++) {
		uint32_t sent = 0, got = 0, n;
		long long last = -1;

		for (unsigned i = 0; i < 20; i++) {
			const struct ring ring = world_ring(0, 1);
			uint32_t *words = (uint32_t *)(void *)ring.sender,
				 dice = world_random(&seed);

			if (dice % 4 == 0)
				words[world_random(&seed) % (256 / 4 + 64 * 4)] =
				    world_random(&seed) % 3 ? world_random(&seed) % 200
							    : world_random(&seed) << 12;
			if (dice % 3 == 0)
				(void)heal(&a, send(&a, 1000));
			else if (dice % 3 == 1)
				(void)heal(&b, receive(&b) >= 0 ? 0 : IVSH_EAGAIN);
			if (dice % 31 == 0) {
				end_kill(dice & 64 ? &a : &b);
				(void)heal(dice & 64 ? &a : &b,
				    end_open(dice & 64 ? &a : &b, dice & 64 ? 0 : 1,
					dice & 64 ? 1 : 0, false));
			}
		}
		for (n = 0; n < 1500 && got < 100; n++) {
			long long number;

			sent += heal(&a, send(&a, sent)) == 0;
			number = receive(&b);
			if (number < 0)
				(void)heal(&b, (int)number);
			else
				got = number == last + 1 ? got + 1 : 0;
			last = number < 0 ? last : number;
		}
		NEED_EQ(got, 100);
	}
	CHECK(a.chan.lost > 0);
}

/*
 * Damage, resets and deaths in any order: messages arrive in order, unmarked only once, and missing
 * messages were reported as lost, by both. SPEC R6.3, R6.4, R6.5.
 */
static void any_order(void)
{
	uint32_t seed = 23, put = 0, expect = 0, resets = 0, jumps = 0, told = 0, deaths = 0;
	uint32_t reports = 0;

	open_both();
	for (unsigned step = 0; step < 60000; step++) {
		uint32_t dice = world_random(&seed) % 200;
		struct ivsh_message message;
		uint32_t n;
		int error;

		if (dice < 90) {
			error = heal(&a, send(&a, put));
			put += error == 0;
		} else if (dice < 190) {
			error = heal(&b, ivsh_chan_receive(&b.chan, &message, in, sizeof(in)));
			if (error)
				continue;
			memcpy(&n, in, sizeof(n));
			if (n < expect) {
				NEED_EQ(message.flags, IVSH_MAYBE_SEEN);
				continue;
			}
			if (n > expect) {
				/* The report comes before the messages behind the gap. */
				NEED_EQ(b.chan.lost != told || deaths != 0, 1);
				jumps++;
			}
			told = b.chan.lost;
			deaths = 0;
			expect = n + 1;
		} else if (dice < 192) {
			uint32_t next = b.chan.rx.read;

			/* While a message is in flight: else the sender would correct it. */
			if (b.chan.rx.waiting || a.chan.tx.waiting || next == a.chan.tx.head)
				continue;
			world_desc(0, 1, next)->control = nonsense(next);
			resets++;
		} else if (dice < 193) {
			/* Noticed before the sender, or its next incarnation, uses it. */
			world_ring(0, 1).receiver->read ^= world_random(&seed);
			CHECK_EQ(world_wait(&b.region, 1), 0);
			(void)heal(&b, ivsh_chan_peek(&b.chan, &message));
			resets++;
		} else if (dice < 195) {
			end_kill(&a);
			(void)heal(&a, end_open(&a, 0, 1, false));
		} else if (dice < 197) {
			end_kill(&b);
			(void)heal(&b, end_open(&b, 1, 0, false));
			told = 0;
			deaths++;
		} else if (dice < 198) {
			/* A loss that the application knows of. SPEC R6.7.4. */
			error = heal(&a, ivsh_chan_report_loss(&a.chan));
			put += error == 0;
			reports += error == 0;
		}
	}
	CHECK(reports > 100);
	CHECK(resets > 500);
	CHECK(jumps > 50);
	CHECK(expect > 3000);
}

static const struct test tests[] = {
    {"receiver asks", receiver_asks},
    {"sender begins", sender_begins},
    {"both at once", both_ask},
    {"start is free", start_free},
    {"endless", endless},
    {"held messages", holds},
    {"notifies", notifies},
    {"waits", waits},
    {"standing handshakes", standing},
    {"third party", third_party},
    {"any order", any_order},
};

int main(void)
{
	return test_main("reset", tests, sizeof(tests) / sizeof(tests[0]));
}
