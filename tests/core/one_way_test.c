/* SPDX-License-Identifier: MIT */
/*
 * one_way_test.c - one-way links: a side that sends and never reads, and one that reads and never
 * sends. SPEC 18.
 *
 * In a split region the send-only side has of the other's part only what is before the rings
 * mapped: each load behind that ends the test.
 */
#include "tests/core/world.h"
#include "tests/lib/test.h"

#include <ivsh/stream.h>

#include <string.h>

#if WORLD_HAS_VIEWS
#include <setjmp.h>
#include <signal.h>
#endif

static struct end a, b, c;
static uint8_t in[8192], out[8192];
static bool is_mapped; /* the send-only side has the whole part mapped, in a split region, too */

/* Attach as (self), and open the channel to (peer). */
static int open_as(struct end *end, uint32_t self, uint32_t peer, uint32_t one_way)
{
	static uint64_t nonce = 1000;
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = ++nonce};
	struct ivsh_mem mem;
	int error;

	world.is_short[self] =
	    one_way == IVSH_SEND_ONLY && world_is_split() && !is_mapped ? 1u << peer : 0;
	mem = world_mem(self);
	error = ivsh_region_attach(&end->region, &mem, &attach);
	/* Where the rings are not mapped, nothing needs to be said. */
	if (world.is_short[self])
		one_way = 0;
	return error ? error
		     : ivsh_chan_open_one_way(
			   &end->chan, &end->region, peer, end->records, 64, one_way);
}

/* Slot 0 only sends to slot 1, which goes both ways. */
static void open_both(void)
{
	world_format();
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
}

static int send(struct end *end, uint32_t n, uint32_t size)
{
	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	return ivsh_chan_send(&end->chan, 5, out, size);
}

/* Receive a message of (size) bytes: its number, or an error. */
static long long receive(struct end *end, uint32_t size)
{
	struct ivsh_message message;
	uint32_t n;
	int error = ivsh_chan_receive(&end->chan, &message, in, sizeof(in));

	if (error)
		return error;
	memcpy(&n, in, sizeof(n));
	memset(out, (int)n, sizeof(out));
	memcpy(out, &n, sizeof(n));
	CHECK_EQ(message.size, size);
	CHECK_EQ(memcmp(in, out, size), 0);
	return n;
}

/* What the two sides say, and nothing else, is in the ring that is left alone. SPEC R18.1. */
static void words(void)
{
	static uint8_t before[WORLD_RING];
	struct ring alone, used;

	world_format();
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	NEED_EQ(send(&b, 1, 4), 0);
	alone = world_ring(1, 0);
	used = world_ring(0, 1);
	memcpy(before, alone.sender, sizeof(before));
	/* As an earlier incarnation left them. */
	alone.receiver->reset_request = 7;
	alone.receiver->generation_ack = 8;
	alone.receiver->read = 9;
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	CHECK(a.region.incarnation != 0);
	CHECK_EQ(alone.receiver->incarnation, a.region.incarnation);
	CHECK_EQ(alone.receiver->one_way, a.region.incarnation);
	CHECK_EQ(alone.receiver->notify_flags, 8);
	CHECK_EQ(alone.receiver->reset_request, 7);
	CHECK_EQ(alone.receiver->generation_ack, 8);
	CHECK_EQ(alone.receiver->read, 9);
	CHECK_EQ(used.sender->one_way, 0);
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_SEND_ONLY);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), IVSH_RECEIVE_ONLY);
	/* The words, by offset: SPEC 6. */
	CHECK_EQ(memcmp((uint8_t *)alone.receiver + 0x18, &a.region.incarnation, 4), 0);
	NEED_EQ(world_wait(&a.region, 1000), 0);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	CHECK_EQ(alone.receiver->reset_request, 7);
	CHECK_EQ(alone.receiver->generation_ack, 8);
	CHECK_EQ(alone.receiver->read, 9);
	/* The receiver's lines of one memory are behind the sender's. */
	CHECK_EQ(memcmp(before, alone.sender, 64), 0);
	CHECK_EQ(memcmp(before + 256, (uint8_t *)alone.sender + 256, sizeof(before) - 256), 0);
	/* The next one takes all of it back. */
	alone.receiver->reset_request = alone.receiver->generation_ack = alone.receiver->read = 0;
	NEED_EQ(open_as(&a, 0, 1, 0), 0);
	CHECK_EQ(alone.receiver->one_way, 0);
	CHECK_EQ(alone.receiver->notify_flags, 0);
	CHECK_EQ(ivsh_chan_one_way(&a.chan), 0);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), 0);
	CHECK_EQ(receive(&a, 4), 1);
	/* And so does the same incarnation, by opening it again. */
	ivsh_chan_close(&a.chan);
	is_mapped = true;
	NEED_EQ(ivsh_chan_open_one_way(&a.chan, &a.region, 1, a.records, 64, IVSH_RECEIVE_ONLY), 0);
	CHECK_EQ(used.sender->one_way, a.region.incarnation);
	CHECK_EQ(alone.receiver->one_way, 0);
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_RECEIVE_ONLY);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), IVSH_SEND_ONLY);
	CHECK_EQ(memcmp((uint8_t *)used.sender + 0x1c, &a.region.incarnation, 4), 0);
	ivsh_chan_close(&a.chan);
	NEED_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), 0);
	CHECK_EQ(used.sender->one_way, 0);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), 0);
	is_mapped = false;
	CHECK_EQ(ivsh_chan_open_one_way(&c.chan, &a.region, 1, a.records, 64, 3), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_one_way(&c.chan), 0);
}

/* Messages of every kind, one by one, in place and in batches; and nothing the other way. */
static void sends(void)
{
	static const uint32_t sizes[] = {4, 8, 60, 700, 1100, 4000, 8192};
	struct ivsh_message many[40], message;
	uint64_t words_out[40];
	uint32_t count;
	void *payload;

	open_both();
	for (uint32_t n = 0; n < 2000; n++) {
		uint32_t size = sizes[n % (sizeof(sizes) / sizeof(sizes[0]))];

		NEED_EQ(send(&a, n, size), 0);
		NEED_EQ(receive(&b, size), n);
	}
	for (uint32_t n = 0; n < 300; n++) {
		for (uint32_t i = 0; i < 40; i++) {
			words_out[i] = n * 40 + i;
			many[i] = (struct ivsh_message){&words_out[i], 8, 5, 0};
		}
		NEED_EQ(ivsh_chan_send_batch(&a.chan, many, 40, &count), 0);
		NEED_EQ(count, 40);
		for (uint32_t got = 0; got < 40; got += count) {
			NEED_EQ(
			    ivsh_chan_receive_batch(&b.chan, many, 40, in, sizeof(in), &count), 0);
			for (uint32_t i = 0; i < count; i++)
				CHECK_EQ(memcmp(many[i].data, &words_out[got + i], 8), 0);
		}
	}
	NEED_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
	memset(payload, 3, 100);
	NEED_EQ(ivsh_chan_publish(&a.chan, 9), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &message), 0);
	CHECK_EQ(message.size, 100);
	NEED_EQ(ivsh_chan_release(&b.chan), 0);
	/* SPEC R18.2.1. */
	CHECK_EQ(send(&b, 1, 4), IVSH_EONEWAY);
	CHECK_EQ(send(&b, 1, 8), IVSH_EONEWAY);
	CHECK_EQ(send(&b, 1, 4000), IVSH_EONEWAY);
	CHECK_EQ(ivsh_chan_reserve(&b.chan, 8, &payload), IVSH_EONEWAY);
	CHECK_EQ(ivsh_chan_publish(&b.chan, 8), IVSH_EINVAL);
	many[0] = (struct ivsh_message){words_out, 8, 5, 0};
	CHECK_EQ(ivsh_chan_send_batch(&b.chan, many, 1, &count), IVSH_EONEWAY);
	CHECK_EQ(count, 0);
	CHECK_EQ(b.region.counters.sent, 0);
	CHECK_EQ(b.region.counters.full, 0);
	/* SPEC R18.1.3. */
	CHECK_EQ(receive(&a, 4), IVSH_EONEWAY);
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EONEWAY);
	CHECK_EQ(ivsh_chan_release(&a.chan), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_receive_batch(&a.chan, many, 40, in, sizeof(in), &count), IVSH_EONEWAY);
	CHECK_EQ(count, 0);
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
	CHECK_EQ(a.region.counters.lost + b.region.counters.lost, 0);
}

/* A side that never sends: the other one is told, and the link works. SPEC R18.1, R18.2. */
static void receives(void)
{
	world_format();
	NEED_EQ(open_as(&b, 1, 0, IVSH_RECEIVE_ONLY), 0);
	NEED_EQ(open_as(&a, 0, 1, 0), 0);
	CHECK_EQ(send(&b, 1, 4), IVSH_EONEWAY);
	CHECK_EQ(world_ring(1, 0).sender->one_way, b.region.incarnation);
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_SEND_ONLY);
	CHECK_EQ(receive(&a, 4), IVSH_EAGAIN);
	for (uint32_t n = 0; n < 500; n++) {
		NEED_EQ(send(&a, n, n % 900 + 4), 0);
		NEED_EQ(receive(&b, n % 900 + 4), n);
	}
	/* Both sides say so. */
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_SEND_ONLY);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), IVSH_RECEIVE_ONLY);
	NEED_EQ(send(&a, 7, 40), 0);
	CHECK_EQ(receive(&b, 40), 7);
	/* Both leave alone what the other one uses: nothing goes. */
	is_mapped = true;
	NEED_EQ(open_as(&b, 1, 0, IVSH_SEND_ONLY), 0);
	is_mapped = false;
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_SEND_ONLY | IVSH_RECEIVE_ONLY);
	CHECK_EQ(send(&a, 1, 4), 0); /* it finds the flag behind this one */
	CHECK_EQ(send(&a, 1, 4), IVSH_EONEWAY);
	CHECK_EQ(send(&b, 1, 4), IVSH_EONEWAY);
}

/*
 * The receiver says so when the sender has its channel open, and credit: at most the message that
 * finds the flag goes into the ring. It comes later, to one that reads. SPEC R18.2.2.
 */
static void told_late(void)
{
	for (uint32_t before = 0; before < 3; before++) {
		world_format();
		NEED_EQ(open_as(&b, 1, 0, 0), 0);
		for (uint32_t n = 0; n < before; n++)
			NEED_EQ(send(&b, n, 8), 0);
		NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
		/* The first send of all asks before it stores. */
		if (before != 0)
			CHECK_EQ(send(&b, before, 8), 0);
		CHECK_EQ(send(&b, 99, 8), IVSH_EONEWAY);
		CHECK_EQ(send(&b, 99, 8), IVSH_EONEWAY);
		end_kill(&a);
		NEED_EQ(open_as(&a, 0, 1, 0), 0);
		for (uint32_t n = 0; n < before + (before != 0); n++)
			CHECK_EQ(receive(&a, 8), n);
		CHECK_EQ(receive(&a, 8), IVSH_EAGAIN);
		CHECK_EQ(send(&b, 100, 8), 0);
		CHECK_EQ(receive(&a, 8), 100);
	}
}

/* Who waits for room there learns that none will come. */
static void blocked(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events, n = 0;

	world_format();
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	while (send(&b, n, 8) == 0)
		n++;
	CHECK_EQ(n, 64);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000000, &events), 0);
	CHECK_EQ(events & IVSH_EVENT_SPACE, 0);
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000000, &events), 0);
	CHECK_EQ(events & IVSH_EVENT_SPACE, IVSH_EVENT_SPACE);
	CHECK_EQ(send(&b, n, 8), IVSH_EONEWAY);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000000, &events), 0);
	CHECK_EQ(events & IVSH_EVENT_SPACE, 0);
}

/* Streams need both directions, and are refused at once, on either side. SPEC R18.3. */
static void streams(void)
{
	static uint8_t buffer[256];
	struct ivsh_stream stream;
	uint64_t sent;

	open_both();
	CHECK_EQ(ivsh_stream_open(&stream, &a.chan, 20, buffer, sizeof(buffer)), IVSH_EONEWAY);
	CHECK_EQ(ivsh_stream_open(&stream, &b.chan, 20, buffer, sizeof(buffer)), IVSH_EONEWAY);
	CHECK_EQ(a.region.counters.sent + b.region.counters.sent, 0);
	world_format();
	NEED_EQ(open_as(&b, 1, 0, IVSH_RECEIVE_ONLY), 0);
	NEED_EQ(open_as(&a, 0, 1, 0), 0);
	CHECK_EQ(ivsh_stream_open(&stream, &a.chan, 20, buffer, sizeof(buffer)), IVSH_EONEWAY);
	CHECK_EQ(ivsh_stream_open(&stream, &b.chan, 20, buffer, sizeof(buffer)), IVSH_EONEWAY);
	sent = a.region.counters.sent + b.region.counters.sent;
	CHECK_EQ(sent, 0);
}

/* Either side is killed, and goes on; what was delivered already is marked. SPEC R7.11. */
static void restarts(void)
{
	struct ivsh_message message;

	open_both();
	for (uint32_t n = 0; n < 5; n++)
		NEED_EQ(send(&a, n, 40), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &message), 0);
	end_kill(&b);
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	for (uint32_t n = 0; n < 5; n++) {
		NEED_EQ(ivsh_chan_peek(&b.chan, &message), 0);
		CHECK_EQ(message.flags, IVSH_MAYBE_SEEN);
		CHECK_EQ(receive(&b, 40), n);
	}
	for (uint32_t n = 5; n < 9; n++)
		NEED_EQ(send(&a, n, 8), 0);
	end_kill(&a);
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	for (uint32_t n = 9; n < 300; n++) {
		NEED_EQ(send(&a, n, 8), 0);
		CHECK_EQ(receive(&b, 8), n - 4);
	}
	CHECK_EQ(send(&b, 1, 8), IVSH_EONEWAY);
	/* One that attaches and discards the backlog has none that it could read. */
	{
		struct ivsh_mem mem = world_mem(0);
		struct ivsh_attach attach = {
		    .restart = ivsh_attach_restart, .discard = ivsh_attach_discard, .nonce = 5};

		end_kill(&a);
		NEED_EQ(ivsh_region_attach(&a.region, &mem, &attach), 0);
	}
	CHECK_EQ(a.region.counters.discarded, 0);
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
}

/* Damage on either side, and a reset: the ring that is used begins anew. SPEC R6.7, R18.1.6. */
static void resets(void)
{
	static struct ivsh_peer peers[WORLD_SLOTS];
	struct ivsh_peer_event event;

	world_format();
	/* A loss of the other ring that no incarnation has reported yet: none of these does. */
	world_ring(1, 0).receiver->generation_ack = world_ring(1, 0).sender->generation = 3;
	NEED_EQ(open_as(&a, 0, 1, IVSH_SEND_ONLY), 0);
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	NEED_EQ(send(&a, 1, 4), 0);
	NEED_EQ(receive(&b, 4), 1);
	world_desc(0, 1, 1)->control = UINT64_C(1) << 48 | UINT64_C(1) << 31;
	CHECK_EQ(receive(&b, 4), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&b.chan), 0);
	(void)send(&a, 2, 4);
	CHECK_EQ(send(&a, 2, 4), IVSH_EAGAIN);
	CHECK_EQ(receive(&b, 4), IVSH_EAGAIN);
	CHECK_EQ(send(&a, 3, 4), 0);
	CHECK_EQ(receive(&b, 4), 3);
	world_ring(0, 1).receiver->read += 1000;
	for (uint32_t n = 0; n < 64 && !a.chan.dead; n++)
		(void)send(&a, n, 4);
	CHECK_EQ(send(&a, 9, 4), IVSH_EPROTO);
	CHECK_EQ(receive(&a, 4), IVSH_EPROTO);
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	CHECK_EQ(receive(&a, 4), IVSH_EONEWAY);
	while (receive(&b, 4) >= 0)
		;
	(void)receive(&b, 4);
	CHECK_EQ(send(&a, 10, 4), 0);
	CHECK_EQ(receive(&b, 4), 10);
	memset(peers, 0, sizeof(peers));
	do
		NEED_EQ(ivsh_region_peer_event(&a.region, peers, WORLD_SLOTS, &event), 0);
	while (event.kind != IVSH_PEER_EVENT_LOST);
	CHECK(world_ring(0, 1).sender->reported != 0);
	CHECK_EQ(world_ring(1, 0).receiver->reported, 0);
	/* A reset of the ring that is left alone gets no answer, and does no harm. */
	world_ring(1, 0).sender->generation++;
	CHECK_EQ(world_wait(&a.region, 1000), 0);
	CHECK_EQ(world_ring(1, 0).receiver->generation_ack, 3);
	CHECK_EQ(send(&a, 11, 4), 0);
	CHECK_EQ(receive(&b, 4), 11);
	end_kill(&a);
	NEED_EQ(open_as(&a, 0, 1, 0), 0);
	CHECK_EQ(a.chan.lost, 1);
}

static uint32_t notified;

/* Each side sleeps for the other, and is notified. SPEC R8.2. */
static void receiver_sends(void)
{
	notified = world.rings;
	if (send(&a, 1, 8) != 0)
		CHECK(false);
	notified = world.rings - notified;
	world.on_sleep = NULL;
}

static void sender_gets_room(void)
{
	notified = world.rings;
	while (receive(&b, 8) >= 0)
		;
	notified = world.rings - notified;
	world.on_sleep = NULL;
}

static void sleeps(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	open_both();
	/* The first sleep of each peer is a short one. SPEC R8.7.4. */
	NEED_EQ(world_wait(&b.region, 2000000), 0);
	NEED_EQ(world_wait(&a.region, 2000000), 0);
	world.on_sleep = receiver_sends;
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000000000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(notified, 1);
	CHECK_EQ(receive(&b, 8), 1);
	while (send(&a, 2, 8) == 0)
		;
	world.on_sleep = sender_gets_room;
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000000000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_SPACE);
	CHECK(notified >= 1);
	/* Nothing comes, and nothing is waited for. */
	NEED_EQ(send(&a, 3, 8), 0);
	world.slept_ns = 0;
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 250000000, &events), 0);
	CHECK_EQ(events & IVSH_EVENT_MESSAGE, 0);
	CHECK(world.slept_ns >= 250000000);
}

/* A peer of many: what only sends has no turn, and hides nobody. */
static void turns(void)
{
	struct ivsh_chan *chan, more;
	struct ivsh_message message;
	static struct ivsh_record records[64];

	open_both();
	NEED_EQ(open_as(&c, 2, 0, 0), 0);
	NEED_EQ(ivsh_chan_open(&more, &a.region, 2, records, 64), 0);
	for (uint32_t n = 0; n < 600; n++) {
		CHECK_EQ(ivsh_region_next(&a.region, &chan, &message), IVSH_EAGAIN);
		world.now_ns += 1000000;
		NEED_EQ(send(&c, n, 8), 0);
		NEED_EQ(ivsh_region_next(&a.region, &chan, &message), 0);
		CHECK(chan == &more);
		NEED_EQ(ivsh_chan_release(&more), 0);
	}
	/* One that broke is answered, once. */
	world_ring(0, 1).receiver->read += 1000;
	for (uint32_t n = 0; n < 64 && !a.chan.dead; n++)
		(void)send(&a, n, 4);
	CHECK(a.chan.dead);
	NEED_EQ(world_wait(&a.region, 1000), 0);
	/* Queued for that, and then reset. */
	a.chan.unreported = true;
	a.region.pending_all = false;
	NEED_EQ(send(&c, 1, 8), 0);
	for (uint32_t n = 0; n < 3 && !a.chan.is_queued; n++)
		CHECK_EQ(ivsh_region_next(&a.region, &chan, &message), n ? IVSH_EAGAIN : 0);
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	NEED_EQ(ivsh_chan_release(&more), 0);
	for (uint32_t n = 0; n < 300; n++)
		CHECK_EQ(ivsh_region_next(&a.region, &chan, &message), IVSH_EAGAIN);
	ivsh_chan_close(&more);
}

/* The machine was moved: the new incarnation says the same. SPEC R5.11, R18.1. */
static void moves(void)
{
	uint32_t first;

	for (uint32_t busy = 0; busy < 2; busy++) {
		open_both();
		first = a.region.incarnation;
		if (busy)
			NEED_EQ(send(&a, 1, 40), 0);
		world.vm_generation[0]++;
		CHECK_EQ(send(&a, 2, 40), IVSH_EAGAIN);
		CHECK(a.region.incarnation != first);
		CHECK_EQ(world_ring(1, 0).receiver->incarnation, a.region.incarnation);
		CHECK_EQ(world_ring(1, 0).receiver->one_way, a.region.incarnation);
		while (receive(&b, 40) != IVSH_EAGAIN)
			;
		(void)receive(&b, 40);
		NEED_EQ(send(&a, 3, 40), 0);
		CHECK_EQ(receive(&b, 40), 3);
		CHECK_EQ(receive(&a, 40), IVSH_EONEWAY);
		CHECK_EQ(send(&b, 1, 40), IVSH_EONEWAY);
		/* And the other side's. */
		world.vm_generation[1]++;
		CHECK_EQ(receive(&b, 40), IVSH_EAGAIN);
		CHECK_EQ(send(&b, 1, 40), IVSH_EONEWAY);
		(void)send(&a, 4, 40);
		(void)send(&a, 4, 40);
		while (receive(&b, 40) != IVSH_EAGAIN)
			;
		NEED_EQ(send(&a, 5, 40), 0);
		CHECK_EQ(receive(&b, 40), 5);
		CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
	}
}

/* Damage of the word: another value says nothing, and each is mended. SPEC R18.1.5, R18.2.3. */
static void damaged(void)
{
	world_format();
	NEED_EQ(open_as(&a, 0, 1, 0), 0);
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	world_ring(0, 1).receiver->one_way = b.region.incarnation + 1;
	for (uint32_t n = 0; n < 200; n++) {
		NEED_EQ(send(&a, n, 8), 0);
		NEED_EQ(receive(&b, 8), n);
	}
	world_ring(0, 1).receiver->one_way = b.region.incarnation;
	world_ring(0, 1).sender->one_way = a.region.incarnation;
	CHECK_EQ(ivsh_chan_one_way(&a.chan), IVSH_RECEIVE_ONLY);
	CHECK_EQ(ivsh_chan_one_way(&b.chan), IVSH_SEND_ONLY);
	NEED_EQ(world_wait(&a.region, 1000), 0);
	NEED_EQ(world_wait(&b.region, 1000), 0);
	CHECK_EQ(world_ring(0, 1).receiver->one_way, 0);
	CHECK_EQ(world_ring(0, 1).sender->one_way, 0);
	CHECK_EQ(send(&a, 1, 8), 0);
	CHECK_EQ(receive(&b, 8), 1);
	open_both();
	world_ring(1, 0).receiver->one_way = world_ring(1, 0).receiver->notify_flags = 0;
	world_ring(1, 0).receiver->read += 5;
	NEED_EQ(world_wait(&a.region, 1000), 0);
	CHECK_EQ(world_ring(1, 0).receiver->one_way, a.region.incarnation);
	CHECK(world_ring(1, 0).receiver->notify_flags & 8);
	CHECK_EQ(send(&a, 1, 8), 0);
	CHECK_EQ(a.region.counters.errors, 0);
}

/* Without restart and reset, as the least program has them. SPEC R5.14. */
static void least(void)
{
	struct ivsh_attach attach = {.nonce = 1};
	struct ivsh_mem mem;

	world_format();
	mem = world_mem(0);
	NEED_EQ(ivsh_region_attach(&a.region, &mem, &attach), 0);
	NEED_EQ(ivsh_chan_open_one_way(&a.chan, &a.region, 1, a.records, 64, IVSH_SEND_ONLY), 0);
	NEED_EQ(open_as(&b, 1, 0, 0), 0);
	CHECK_EQ(world_ring(1, 0).receiver->one_way, a.region.incarnation);
	CHECK_EQ(send(&b, 1, 8), IVSH_EONEWAY);
	for (uint32_t n = 0; n < 300; n++) {
		NEED_EQ(send(&a, n, n % 2 ? 8 : 40), 0);
		NEED_EQ(receive(&b, n % 2 ? 8 : 40), n);
	}
	CHECK_EQ(receive(&a, 8), IVSH_EONEWAY);
}

#if WORLD_HAS_VIEWS

static sigjmp_buf back;

static void caught(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/*
 * Of a part of which only the beginning is mapped, nothing behind it can be loaded, and nothing is:
 * all other tests run so in a split region. What is there suffices for a sender, and not for a
 * receiver. SPEC R18.4.
 */
static void not_mapped(void)
{
	struct ivsh_counters counters;
	struct ivsh_peer peer = {0};
	const uint8_t *part;
	volatile bool was_caught = false;
	void (*before)(int);
	uint64_t size;

	if (!world_is_split())
		return;
	open_both();
	CHECK_EQ(a.chan.rx.closed, true);
	NEED_EQ(ivsh_part_short_size(&a.region.geometry, &size), 0);
	part = (const uint8_t *)a.chan.tx.other - ((uintptr_t)a.chan.tx.other & 4095);
	for (uint32_t i = 0; i < a.region.mem.part_count; i++)
		if (a.region.mem.parts[i].found == 1) {
			part = a.region.mem.parts[i].base;
			CHECK_EQ(a.region.mem.parts[i].size, size);
		}
	before = signal(SIGSEGV, caught);
	if (sigsetjmp(back, 1) == 0)
		(void)*(const volatile uint8_t *)(part + size - 1);
	else
		was_caught = true;
	CHECK_EQ(was_caught, false);
	if (sigsetjmp(back, 1) == 0)
		(void)*(const volatile uint8_t *)(part + size);
	else
		was_caught = true;
	CHECK_EQ(was_caught, true);
	(void)signal(SIGSEGV, before);
	/* Who is there, and what it counts, is in the slot. */
	CHECK_EQ(ivsh_region_peer(&a.region, 1, &peer), 0);
	CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
	CHECK_EQ(ivsh_region_counters(&a.region, 1, &counters), 0);
	ivsh_chan_close(&a.chan);
	CHECK_EQ(ivsh_chan_open_one_way(&a.chan, &a.region, 1, a.records, 64, IVSH_RECEIVE_ONLY),
	    IVSH_EPART);
	/* One byte less: not even that. */
	for (uint32_t i = 0; i < a.region.mem.part_count; i++)
		if (a.region.mem.parts[i].found == 1)
			a.region.mem.parts[i].size--;
	{
		struct ivsh_mem mem = a.region.mem;
		struct ivsh_attach attach = {.restart = ivsh_attach_restart, .nonce = 77};

		NEED_EQ(ivsh_region_attach(&a.region, &mem, &attach), 0);
		CHECK_EQ(attach.parts_out, 1);
	}
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), IVSH_EPART);
}

#else

static void not_mapped(void)
{
}

#endif

static const struct test tests[] = {
    {"words", words},
    {"sends", sends},
    {"receives", receives},
    {"told late", told_late},
    {"blocked", blocked},
    {"streams", streams},
    {"restarts", restarts},
    {"resets", resets},
    {"sleeps", sleeps},
    {"turns", turns},
    {"moves", moves},
    {"damaged", damaged},
    {"least", least},
    {"not mapped", not_mapped},
};

int main(void)
{
	return test_main("one way", tests, sizeof(tests) / sizeof(tests[0]));
}
