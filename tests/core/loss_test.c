/* SPDX-License-Identifier: MIT */
/*
 * loss_test.c - a sender reports that messages are missing: where the receiver learns of it, and
 * that nothing else is lost by it. SPEC R6.7.4.
 */
#include "tests/core/world.h"
#include "tests/lib/test.h"

#include <ivsh/stream.h>

#include <string.h>

static struct end a, b;
static struct ivsh_peer peers[2][WORLD_SLOTS];
static uint8_t in[8192];
static uint32_t may_repeat; /* flags that a message may have */

static void open_both(void)
{
	world_format();
	memset(peers, 0, sizeof(peers));
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
}

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
	CHECK_EQ(message.flags & ~may_repeat, 0);
	memcpy(&n, in, sizeof(n));
	return n;
}

/* How many losses of slot (slot) are reported to (end) now. */
static unsigned losses(struct end *end, uint32_t slot)
{
	struct ivsh_peer_event event;
	unsigned count = 0;

	while (ivsh_region_peer_event(
		   &end->region, peers[end->region.mem.self], WORLD_SLOTS, &event) == 0)
		count += event.kind == IVSH_PEER_EVENT_LOST && event.slot == slot;
	return count;
}

/* What is in the ring comes, then the report, then what is sent next. Again and again. */
static void in_its_place(void)
{
	open_both();
	CHECK_EQ(losses(&b, 0), 0);
	for (uint32_t round = 0; round < 100; round++) {
		/* The room of the last one of the round before is not taken back yet. */
		uint32_t count = round % 64;

		for (uint32_t n = 0; n < count; n++)
			NEED_EQ(send(&a, n), 0);
		NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
		NEED_EQ(world_ring(0, 1).sender->generation, round + 1);
		NEED_EQ(send(&a, 99), IVSH_EAGAIN);
		for (uint32_t n = 0; n < count; n++) {
			NEED_EQ(receive(&b), n);
			NEED_EQ(losses(&b, 0), 0);
		}
		NEED_EQ(receive(&b), IVSH_EAGAIN);
		NEED_EQ(losses(&b, 0), 1);
		NEED_EQ(losses(&a, 1), 0);
		NEED_EQ(send(&a, 100), 0);
		NEED_EQ(losses(&a, 1), 1);
		NEED_EQ(receive(&b), 100);
	}
	CHECK_EQ(a.region.counters.lost, 100);
	CHECK_EQ(b.region.counters.lost, 100);
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
	CHECK_EQ(a.region.counters.sent, b.region.counters.received);
	CHECK_EQ(world_ring(1, 0).sender->generation, 0);
}

/* One report until the receiver has followed; another one for what is missing behind that. */
static void repeated(void)
{
	open_both();
	NEED_EQ(send(&a, 1), 0);
	for (unsigned i = 0; i < 10; i++)
		NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 1);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	/* The sender has made no call since the receiver has followed, and reported. */
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 2);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 0);
	NEED_EQ(send(&a, 2), 0);
	CHECK_EQ(receive(&b), 2);
}

/* A message that is reserved is an error, and stays; what is peeked stays, too. */
static void holds(void)
{
	struct ivsh_message held;
	void *payload;

	open_both();
	if (!world_is_one_way()) {
		NEED_EQ(send(&b, 7), 0);
		NEED_EQ(ivsh_chan_peek(&a.chan, &held), 0);
	}
	NEED_EQ(ivsh_chan_reserve(&a.chan, 4, &payload), 0);
	memcpy(payload, &(uint32_t){5}, 4);
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EINVAL);
	CHECK_EQ(world_ring(0, 1).sender->generation, 0);
	NEED_EQ(ivsh_chan_publish(&a.chan, 1), 0);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	if (!world_is_one_way()) {
		CHECK_EQ(memcmp(held.data, &(uint32_t){7}, 4), 0);
		CHECK_EQ(ivsh_chan_release(&a.chan), 0);
		CHECK_EQ(receive(&a), IVSH_EAGAIN);
	}
	CHECK_EQ(receive(&b), 5);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	/* The receiver holds the last one: it follows when it has released it. */
	NEED_EQ(send(&a, 6), 0);
	NEED_EQ(ivsh_chan_peek(&b.chan, &held), 0);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	NEED_EQ(world_wait(&b.region, 1000), 0);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &held), 0);
	CHECK_EQ(losses(&b, 0), 0);
	CHECK_EQ(ivsh_chan_release(&b.chan), 0);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
}

/* Nobody is there: the messages wait, and so does the report, for whoever comes. SPEC R6.1. */
static void absent(void)
{
	world_format();
	memset(peers, 0, sizeof(peers));
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(send(&a, 1), 0);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(send(&a, 2), IVSH_EAGAIN);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	CHECK_EQ(send(&a, 2), 0);
	CHECK_EQ(receive(&b), 2);
}

/* Either side dies before the receiver has followed, or has reported. SPEC R6.4, R6.5.7. */
static void deaths(void)
{
	for (unsigned row = 0; row < 8; row++) {
		may_repeat = row & 2 ? IVSH_MAYBE_SEEN : 0;
		open_both();
		NEED_EQ(send(&a, 1), 0);
		NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
		if (row & 1) {
			end_kill(&a);
			NEED_EQ(end_open(&a, 0, 1, false), 0);
		}
		if (row & 2) {
			end_kill(&b);
			NEED_EQ(end_open(&b, 1, 0, false), 0);
		}
		CHECK_EQ(receive(&b), 1);
		CHECK_EQ(receive(&b), IVSH_EAGAIN);
		if (row & 4) {
			/* It has followed, and told nobody. */
			end_kill(&b);
			memset(peers[1], 0, sizeof(peers[1]));
			NEED_EQ(end_open(&b, 1, 0, false), 0);
		}
		NEED_EQ(send(&a, 2), 0);
		CHECK_EQ(losses(&b, 0), 1);
		CHECK_EQ(losses(&a, 1), 1);
		CHECK_EQ(receive(&b), 2);
		CHECK_EQ(receive(&b), IVSH_EAGAIN);
	}
	may_repeat = 0;
}

/* What else it can answer, without a store into the ring. */
static void errors(void)
{
	struct ivsh_wire_sender before;

	open_both();
	/* Dead by damage in the ring that it sends into: the reset itself is the report. */
	NEED_EQ(send(&a, 1), 0);
	world_ring(0, 1).receiver->read = 77;
	CHECK_EQ(send(&a, 2), 0);
	CHECK_EQ(world_wait(&a.region, 0), 0);
	before = *world_ring(0, 1).sender;
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EPROTO);
	CHECK_EQ(memcmp(&before, world_ring(0, 1).sender, sizeof(before)), 0);
	NEED_EQ(ivsh_chan_reset(&a.chan), 0);
	world_ring(0, 1).receiver->read = 0;
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 1);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), 2);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	/* It finds damage itself. */
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	world_ring(0, 1).receiver->read ^= 1;
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EPROTO);
	CHECK_EQ(a.chan.dead, true);
	/* A request of the receiver's is answered: it reports that generation. */
	open_both();
	world_ring(0, 1).receiver->reset_request = 1;
	b.chan.rx.reset_request = 1;
	b.chan.rx.waiting = true;
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(world_ring(0, 1).sender->generation, 1);
	CHECK_EQ(world_ring(0, 1).sender->reset_ack, 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	/* Closed, and lost. */
	ivsh_chan_close(&a.chan);
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EINVAL);
	open_both();
	world_slot(0)->nonce++;
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_ELOST);
	CHECK_EQ(world_ring(0, 1).sender->generation, 0);
}

/* Where one side does not send, or the other does not read, there is nobody to tell. SPEC 18. */
static void one_way(void)
{
	open_both();
	ivsh_chan_close(&b.chan);
	NEED_EQ(ivsh_chan_open_one_way(&b.chan, &b.region, 0, b.records, 64, IVSH_RECEIVE_ONLY), 0);
	CHECK_EQ(ivsh_chan_report_loss(&b.chan), IVSH_EONEWAY);
	/* The other direction of the same channel is told. */
	NEED_EQ(send(&a, 1), 0);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), IVSH_EAGAIN);
	CHECK_EQ(losses(&b, 0), 1);
	ivsh_chan_close(&b.chan);
	NEED_EQ(ivsh_chan_open_one_way(&b.chan, &b.region, 0, b.records, 64, IVSH_SEND_ONLY), 0);
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EONEWAY);
	if (!world_is_one_way()) {
		NEED_EQ(send(&b, 2), 0);
		NEED_EQ(ivsh_chan_report_loss(&b.chan), 0);
		CHECK_EQ(receive(&a), 2);
		CHECK_EQ(receive(&a), IVSH_EAGAIN);
		CHECK_EQ(losses(&a, 1), 1);
	}
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
}

/* Attach as (self) without resets. */
static int least_open(struct end *end, uint32_t self)
{
	struct ivsh_mem mem = world_mem_to(self, 1 - self);
	struct ivsh_attach how = {.nonce = 7000 + self};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, 64);
}

/* Without resets the sender cannot; a receiver takes what is there, and finds it dead. R5.14.2. */
static void least(void)
{
	world_format();
	NEED_EQ(least_open(&a, 0), 0);
	NEED_EQ(least_open(&b, 1), 0);
	NEED_EQ(send(&a, 1), 0);
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), IVSH_EINVAL);
	CHECK_EQ(send(&a, 2), 0);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), 2);
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(least_open(&b, 1), 0);
	NEED_EQ(send(&a, 1), 0);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(receive(&b), 1);
	CHECK_EQ(receive(&b), IVSH_EPROTO);
}

/* A receiver that sleeps is notified, and its wait ends to report it. SPEC R8.2.10. */
static void wakes(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	open_both();
	world_ring(0, 1).receiver->notify_request = 1 << 12 | 2;
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 1);
	CHECK_EQ(world.ring_vector, 1);
	NEED_EQ(ivsh_region_wait(&b.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(losses(&b, 0), 1);
}

/* A stream of either side ends; the bytes before the report are read. SPEC R10.7. */
static void streams(void)
{
	static uint8_t buffers[2][1024];
	struct ivsh_stream s[2];
	uint32_t count;

	if (world_is_one_way())
		return;
	open_both();
	NEED_EQ(ivsh_stream_open(&s[0], &a.chan, 20, buffers[0], 1024), 0);
	NEED_EQ(ivsh_stream_open(&s[1], &b.chan, 20, buffers[1], 1024), 0);
	for (unsigned i = 0; i < 4; i++)
		NEED_EQ(ivsh_stream_poll(&s[i & 1]), 0);
	NEED_EQ(ivsh_stream_write(&s[0], "ten bytes", 10, &count), 0);
	CHECK_EQ(count, 10);
	NEED_EQ(ivsh_chan_report_loss(&a.chan), 0);
	CHECK_EQ(ivsh_stream_read(&s[1], in, sizeof(in), &count), 0);
	CHECK_EQ(count, 10);
	CHECK_EQ(ivsh_stream_read(&s[1], in, sizeof(in), &count), IVSH_EPEER);
	CHECK_EQ(ivsh_stream_write(&s[0], "more", 4, &count), 0);
	CHECK_EQ(ivsh_stream_write(&s[0], "more", 4, &count), IVSH_EPEER);
	CHECK_EQ(losses(&a, 1), 1);
	CHECK_EQ(losses(&b, 0), 1);
}

static const struct test tests[] = {
    {"in its place", in_its_place},
    {"repeated", repeated},
    {"held messages", holds},
    {"nobody there", absent},
    {"deaths", deaths},
    {"errors", errors},
    {"one way", one_way},
    {"without resets", least},
    {"wakes", wakes},
    {"streams", streams},
};

int main(void)
{
	return test_main("loss", tests, sizeof(tests) / sizeof(tests[0]));
}
