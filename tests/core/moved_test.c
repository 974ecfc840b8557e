/* SPDX-License-Identifier: MIT */
/*
 * moved_test.c - a machine that is migrated or restored between two calls, a memory that goes back
 * under its peers, twins, and a device that is unplugged. SPEC R5.11, R5.12, R5.13.
 *
 * Slot 0 is the machine that is moved, or that goes back; slot 1 is its peer.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <ivsh/stream.h>

#include <string.h>

static struct end a, b;
static struct ivsh_peer peers[2][WORLD_SLOTS];
static uint8_t saved[WORLD_SIZE];

static int attach(struct end *end, uint32_t self, uint64_t nonce)
{
	struct ivsh_mem mem = world_mem(self);
	struct ivsh_attach how = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = nonce,
	    .name = self ? "beta" : "alpha"};
	int error = ivsh_region_attach(&end->region, &mem, &how);

	return error ? error : ivsh_chan_open(&end->chan, &end->region, 1 - self, end->records, 64);
}

/* Every event, up to the last: how many of (kind). */
static uint32_t events_of(struct end *end, uint32_t which, enum ivsh_peer_event_kind kind)
{
	struct ivsh_peer_event event;
	uint32_t count = 0;

	world.now_ns += IVSH_PEER_EVENT_NS;
	while (ivsh_region_peer_event(&end->region, peers[which], WORLD_SLOTS, &event) == 0) {
		count += event.kind == kind;
		if (event.kind == IVSH_PEER_EVENT_MOVED)
			CHECK_EQ(event.slot, end->region.mem.self);
	}
	return count;
}

static void open_both(void)
{
	world_format();
	memset(peers, 0, sizeof(peers));
	world.vm_generation[0] = 0x1111222233334444;
	CHECK_EQ(attach(&a, 0, 1001), 0);
	CHECK_EQ(attach(&b, 1, 2002), 0);
	(void)events_of(&a, 0, IVSH_PEER_EVENT_UP);
	(void)events_of(&b, 1, IVSH_PEER_EVENT_UP);
}

static int send_to(struct end *end, uint64_t number, uint32_t size)
{
	uint8_t bytes[256];

	memset(bytes, (int)number, sizeof(bytes));
	memcpy(bytes, &number, sizeof(number));
	return ivsh_chan_send(&end->chan, 1, bytes, size);
}

/* The next message's number; or the error, negative. */
static int64_t take(struct end *end)
{
	struct ivsh_message message;
	uint64_t number = 0;
	uint8_t bytes[256];
	int error = ivsh_chan_receive(&end->chan, &message, bytes, sizeof(bytes));

	if (error)
		return error;
	memcpy(&number, bytes, sizeof(number));
	for (uint32_t i = sizeof(number); i < message.size; i++)
		CHECK_EQ(bytes[i], (uint8_t)number);
	return (int64_t)number;
}

/* After at most some calls of each side both rings carry messages again. */
static void get_along(void)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)world_wait(&a.region, 1);
		(void)world_wait(&b.region, 1);
		while (take(&a) >= 0 || take(&b) >= 0)
			;
	}
	CHECK_EQ(send_to(&a, 77, 100), 0);
	CHECK_EQ(send_to(&b, 78, 8), 0);
	CHECK_EQ(take(&b), 77);
	CHECK_EQ(take(&a), 78);
}

/* --- Every call of a machine that was moved -------------------------------------------------- */

static uint8_t bytes[512];
static struct ivsh_message message;

static int call_send(void)
{
	return ivsh_chan_send(&a.chan, 1, bytes, 8);
}

static int call_send_small(void)
{
	return ivsh_chan_send(&a.chan, 1, bytes, 200);
}

static int call_send_large(void)
{
	static const uint8_t large[3000];

	return ivsh_chan_send(&a.chan, 1, large, sizeof(large));
}

static int call_send_batch(void)
{
	struct ivsh_message batch[2] = {{bytes, 8, 1, 0}, {bytes, 60, 1, 0}};
	uint32_t sent;
	int error = ivsh_chan_send_batch(&a.chan, batch, 2, &sent);

	CHECK_EQ(sent, error ? 0 : 2);
	return error;
}

static int call_reserve(void)
{
	void *payload;
	int error = ivsh_chan_reserve(&a.chan, 8, &payload);

	/* The fast path looks at nothing; publish does. */
	return error ? error : ivsh_chan_publish(&a.chan, 1);
}

static int call_publish(void)
{
	return ivsh_chan_publish(&a.chan, 1);
}

static int call_receive(void)
{
	return ivsh_chan_receive(&a.chan, &message, bytes, sizeof(bytes));
}

static int call_receive_batch(void)
{
	struct ivsh_message batch[4];
	uint32_t received;
	int error = ivsh_chan_receive_batch(&a.chan, batch, 4, bytes, sizeof(bytes), &received);

	CHECK_EQ(received, error ? 0 : 1);
	return error;
}

static int call_peek(void)
{
	int error = ivsh_chan_peek(&a.chan, &message);

	return error ? error : ivsh_chan_release(&a.chan);
}

static int call_release(void)
{
	return ivsh_chan_release(&a.chan);
}

static int call_next(void)
{
	struct ivsh_chan *ch;

	return ivsh_region_next(&a.region, &ch, &message);
}

enum ready {
	NOTHING,
	RESERVED,
	PEEKED
};

static const struct {
	const char *name;
	int (*call)(void);
	enum ready ready;
} calls[] = {
    {"send", call_send, NOTHING},
    {"send small", call_send_small, NOTHING},
    {"send large", call_send_large, NOTHING},
    {"send batch", call_send_batch, NOTHING},
    {"reserve", call_reserve, NOTHING},
    {"publish", call_publish, RESERVED},
    {"receive", call_receive, NOTHING},
    {"receive batch", call_receive_batch, NOTHING},
    {"peek", call_peek, NOTHING},
    {"release", call_release, PEEKED},
    {"next", call_next, NOTHING},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/*
 * One message under way each way, at either path: (slow) takes the credit away. Then the state that
 * the call needs.
 */
static void prepare(unsigned call, bool slow)
{
	void *payload;

	test_row(calls[call].name);
	open_both();
	if (!slow) {
		CHECK_EQ(send_to(&a, 1, 100), 0);
		CHECK_EQ(send_to(&a, 1, 100), 0);
		CHECK_EQ(send_to(&b, 1, 8), 0);
		CHECK_EQ(take(&b), 1);
		CHECK_EQ(take(&b), 1);
		CHECK_EQ(take(&a), 1);
	}
	CHECK_EQ(send_to(&a, 5, 100), 0);
	CHECK_EQ(send_to(&b, 6, 8), 0);
	if (calls[call].ready == RESERVED)
		CHECK_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
	if (calls[call].ready == PEEKED)
		CHECK_EQ(ivsh_chan_peek(&a.chan, &message), 0);
}

/* What each moved machine must have done, and its peer see. R5.11.2, R5.11.3, R5.11.5, R5.11.6. */
static void check_moved(void)
{
	CHECK_EQ(a.region.moved, 1);
	CHECK_EQ(a.region.incarnation, 2);
	CHECK_EQ(world_slot(0)->incarnation, 2);
	CHECK(a.region.nonce != 1001);
	CHECK_EQ(world_slot(0)->nonce == a.region.nonce, 1);
	CHECK_EQ(memcmp(world_slot(0)->name, "alpha", 6), 0);
	CHECK_EQ(world.rechecks, 1);
	CHECK_EQ(a.region.counters.errors, 0);
	/* Nothing of what was under way is taken for a message, on this side. */
	CHECK_EQ(take(&a), IVSH_EAGAIN);
	CHECK_EQ(send_to(&a, 9, 8), IVSH_EAGAIN);
	CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_MOVED), 1);
	CHECK(a.chan.lost_reported != 0);
	get_along();
	CHECK_EQ(events_of(&b, 1, IVSH_PEER_EVENT_LOST), 1);
	CHECK_EQ(peers[1][0].incarnation, 2);
	CHECK_EQ(b.region.counters.errors, 0);
	CHECK_EQ(b.region.moved, 0);
}

static void every_call(void)
{
	for (unsigned i = 0; i < 2 * CALLS; i++) {
		prepare(i / 2, i % 2);
		world.vm_generation[0]++;
		CHECK_EQ(calls[i / 2].call(), IVSH_EAGAIN);
		check_moved();
	}
	test_row(NULL);
}

/* lib/bare edits what QEMU wrote, where the clock is read: platform.h. */
static void edit(void)
{
	world.vm_generation[0] ^= 0x5555;
	world.on_now = NULL;
}

/* The platform changes the word once more there: that is still one move. */
static void changed_again(void)
{
	for (unsigned i = 0; i < 2 * CALLS; i++) {
		prepare(i / 2, i % 2);
		world.vm_generation[0]++;
		world.on_now = edit;
		CHECK_EQ(calls[i / 2].call(), IVSH_EAGAIN);
		CHECK(world.on_now == NULL);
		check_moved();
	}
	test_row(NULL);
}

/* A reservation and a peeked message that another call found void: the next call says so, once. */
static void voided(void)
{
	struct ivsh_message held;
	void *payload;

	open_both();
	CHECK_EQ(send_to(&b, 6, 100), 0);
	CHECK_EQ(ivsh_chan_reserve(&a.chan, 8, &payload), 0);
	CHECK_EQ(ivsh_chan_peek(&a.chan, &held), 0);
	world.vm_generation[0]++;
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_release(&a.chan), IVSH_EAGAIN);
	CHECK_EQ(ivsh_chan_publish(&a.chan, 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_chan_release(&a.chan), IVSH_EINVAL);
	check_moved();
}

/* A wait ends at once, with IVSH_EVENT_CONTROL; also one that is asleep when it happens. */
static void machine_moves(void)
{
	world.vm_generation[0] += 5;
	world.on_sleep = NULL;
}

static void waits(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events = 0;

	open_both();
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_region_wait(&a.region, &wait, UINT64_C(5000000000), &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(world.slept_ns, 0);
	check_moved();
	open_both();
	world.on_sleep = machine_moves;
	CHECK_EQ(ivsh_region_wait(&a.region, &wait, UINT64_C(5000000000), &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK(world.slept_ns <= IVSH_POLL_NS);
	check_moved();
	/* Without a channel, too. */
	world_format();
	CHECK_EQ(attach(&a, 0, 1001), 0);
	ivsh_chan_close(&a.chan);
	CHECK_EQ(ivsh_region_wait(&a.region, &wait, 1, &events), 0);
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_region_wait(&a.region, &wait, UINT64_C(5000000000), &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_MOVED), 1);
	CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_MOVED), 0);
}

/* Opening, closing, offering, resetting and detaching do their work, as a new incarnation. */
static void other_calls(void)
{
	struct ivsh_message m;
	uint8_t in[64];

	open_both();
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_region_offer(&a.region, "one", 5), 0);
	CHECK_EQ(world_slot(0)->service[0].port, 5);
	check_moved();
	CHECK_EQ(world_slot(0)->service[0].port, 5);

	open_both();
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_chan_reset(&a.chan), 0);
	check_moved();

	open_both();
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_chan_report_loss(&a.chan), 0);
	check_moved();

	open_both();
	world.vm_generation[0]++;
	ivsh_region_detach(&a.region);
	CHECK_EQ(world_slot(0)->state, IVSH_WIRE_STATE_DETACHED);
	CHECK_EQ(world_slot(0)->incarnation, 2);

	/* What came before the move is not the next incarnation's, either. */
	open_both();
	CHECK_EQ(send_to(&b, 6, 60), 0);
	world.vm_generation[0]++;
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	CHECK_EQ(attach(&a, 0, 1003), 0);
	CHECK_EQ(ivsh_chan_receive(&a.chan, &m, in, sizeof(in)), IVSH_EAGAIN);
	get_along();

	/* A channel that was open while its region moved, and one that is opened behind that. */
	open_both();
	ivsh_chan_close(&a.chan);
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64), 0);
	CHECK_EQ(a.region.moved, 1);
	get_along();
}

/* A channel that was broken waits for its application, and then both rings begin anew. */
static void broken(void)
{
	open_both();
	CHECK_EQ(send_to(&b, 6, 60), 0);
	world_desc(1, 0, 0)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(take(&a), IVSH_EPROTO);
	world.vm_generation[0]++;
	CHECK_EQ(call_receive(), IVSH_EPROTO);
	CHECK_EQ(a.region.moved, 1);
	CHECK_EQ(ivsh_chan_reset(&a.chan), 0);
	CHECK_EQ(take(&a), IVSH_EAGAIN);
	get_along();
}

/* --- What a device that is gone, or another, answers ------------------------------------------ */

static int call_wait(void)
{
	return world_wait(&a.region, 1);
}

static int call_event(void)
{
	struct ivsh_peer_event event;

	return ivsh_region_peer_event(&a.region, peers[0], WORLD_SLOTS, &event);
}

static int call_offer(void)
{
	return ivsh_region_offer(&a.region, "one", 5);
}

static int call_reset(void)
{
	return ivsh_chan_reset(&a.chan);
}

static int call_report(void)
{
	return ivsh_chan_report_loss(&a.chan);
}

static int call_open(void)
{
	return ivsh_chan_open(&a.chan, &a.region, 1, a.records, 64);
}

static int (*const more_calls[])(void) = {
    call_wait, call_event, call_offer, call_reset, call_report, call_open};

#define MORE (sizeof(more_calls) / sizeof(more_calls[0]))

/*
 * (how) 0: unplugged, the memory reads as ones; 1: unplugged and moved; 2: another slot; 3: taken.
 */
static void lose(unsigned how)
{
	world.removed = how < 2;
	world.vm_generation[0] += how == 1 || how == 2;
	world.moved_to = how == 2 ? 4 : 0;
	if (how == 0)
		memset(world_slot(0), 0xff, sizeof(*world_slot(0)));
	if (how == 3)
		world_slot(0)->nonce = 99;
}

static void gone(void)
{
	for (unsigned how = 0; how < 4; how++)
		for (unsigned i = 0; i < CALLS + MORE; i++) {
			int want = how < 2 ? IVSH_EREMOVED : IVSH_ELOST;

			prepare(i < CALLS ? i : 0, how & 1);
			lose(how);
			CHECK_EQ(i < CALLS ? calls[i].call() : more_calls[i - CALLS](), want);
			CHECK(!a.region.attached);
			for (unsigned k = 0; k < CALLS; k++)
				if (calls[k].ready == NOTHING)
					CHECK_EQ(calls[k].call(), want);
			/* A channel that was not opened is not to be reset. */
			for (unsigned k = 0; k + 1 < MORE && i + 1 < CALLS + MORE; k++)
				CHECK_EQ(more_calls[k](), want);
			CHECK_EQ(world.rechecks, 1);
			CHECK_EQ(a.region.moved, 0);
		}
	test_row(NULL);
}

/* --- A memory that goes back ------------------------------------------------------------------ */

/*
 * The memory goes back to a time when (b) had the same incarnation. With (machine) the machine of
 * slot 0 goes back with it, as QEMU restores a guest and its memory; else all peers go on.
 */
static struct end a_saved;

static void save(void)
{
	memcpy(saved, world.memory, WORLD_SIZE);
	a_saved = a;
}

static void restore(bool machine)
{
	memcpy(world.memory, saved, WORLD_SIZE);
	if (machine)
		a = a_saved;
}

/*
 * The sender of slot 0 is restored with its memory, and (b), which goes on, is (ahead) messages
 * ahead of it. The new time's messages that (b) cannot see must not vanish in silence, nor one of
 * the old time come again. (is_seen): the VM generation changes.
 */
static void receiver_ahead(uint32_t ahead, bool is_seen)
{
	uint64_t number = 1;
	int64_t got, last = 0;

	open_both();
	for (; number <= 100; number++) {
		CHECK_EQ(send_to(&a, number, number % 3 ? 8 : 100), 0);
		CHECK_EQ(take(&b), (int64_t)number);
	}
	save();
	for (uint32_t i = 0; i < ahead; i++, number++) {
		CHECK_EQ(send_to(&a, number, number % 3 ? 8 : 100), 0);
		CHECK_EQ(take(&b), (int64_t)number);
	}
	restore(true);
	world.vm_generation[0] += is_seen;
	/* The receiver does not look for a while. */
	for (unsigned i = 0; i < 30; i++)
		(void)send_to(&a, 1000 + i, i % 3 ? 8 : 100);
	for (unsigned i = 0; i < 200; i++) {
		got = take(&b);
		if (got < 0)
			continue;
		CHECK(got >= 1000 && got > last);
		last = got;
	}
	CHECK(b.chan.lost != 0);
	CHECK(!b.chan.dead);
	CHECK_EQ(b.region.counters.errors, 0);
	/* Where nobody says that it was moved, the sender finds a read index that cannot be. */
	for (unsigned i = 0; i < 4; i++) {
		if (!is_seen && a.chan.dead)
			CHECK_EQ(ivsh_chan_reset(&a.chan), 0);
		CHECK(!a.chan.dead);
		(void)world_wait(&a.region, 1);
		(void)world_wait(&b.region, 1);
	}
	get_along();
	CHECK(a.chan.lost != 0);
	CHECK(events_of(&a, 0, IVSH_PEER_EVENT_LOST) != 0);
	CHECK(events_of(&b, 1, IVSH_PEER_EVENT_LOST) != 0);
}

static void receivers_ahead(void)
{
	for (uint32_t ahead = 1; ahead <= 130; ahead += ahead < 66 ? 1 : 16) {
		receiver_ahead(ahead, true);
		receiver_ahead(ahead, false);
	}
}

/* Nobody is restored, but the memory is: the sender's, the receiver's, or both sides' words. */
static void memory_back(uint32_t ahead)
{
	uint64_t number = 1;
	int64_t got, last;

	open_both();
	for (; number <= 100; number++) {
		CHECK_EQ(send_to(&a, number, 8), 0);
		CHECK_EQ(take(&b), (int64_t)number);
	}
	last = 100;
	save();
	for (uint32_t i = 0; i < ahead; i++, number++) {
		CHECK_EQ(send_to(&a, number, number % 3 ? 8 : 100), 0);
		if (i % 2)
			last = take(&b);
	}
	restore(false);
	for (unsigned i = 0; i < 400; i++) {
		if (send_to(&a, number, number % 3 ? 8 : 100) == 0)
			number++;
		got = take(&b);
		if (got < 0)
			continue;
		CHECK(got > last);
		last = got;
	}
	CHECK(a.chan.lost != 0);
	CHECK(b.chan.lost != 0);
	CHECK(!a.chan.dead && !b.chan.dead);
	CHECK_EQ(a.region.counters.errors + b.region.counters.errors, 0);
	get_along();
	CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_MOVED), 1);
}

static void memories_back(void)
{
	for (uint32_t ahead = 1; ahead <= 60; ahead++)
		memory_back(ahead);
}

/* A sender that goes on, with messages in flight that the memory has lost, and an idle channel. */
static void idle_back(void)
{
	open_both();
	CHECK_EQ(send_to(&a, 1, 8), 0);
	CHECK_EQ(take(&b), 1);
	save();
	CHECK_EQ(send_to(&a, 2, 100), 0);
	CHECK_EQ(take(&b), 2);
	CHECK_EQ(send_to(&a, 3, 100), 0);
	restore(false);
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(a.region.moved, 1);
	CHECK_EQ(world_wait(&b.region, 1), 0);
	CHECK_EQ(b.region.moved, 1);
	get_along();
	/* A peer that attached after the snapshot finds the nonce of its earlier incarnation. */
	save();
	ivsh_region_detach(&b.region);
	CHECK_EQ(attach(&b, 1, 2003), 0);
	restore(false);
	CHECK_EQ(take(&b), IVSH_ELOST);
}

/* R5.12.4: ahead of its own count is damage: it is mended, and nothing is lost. */
static void heartbeat_damaged(void)
{
	open_both();
	world_slot(0)->heartbeat += 1000;
	CHECK_EQ(send_to(&b, 6, 60), 0);
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(take(&a), 6);
	CHECK_EQ(world_slot(0)->heartbeat, a.region.heartbeat);
	CHECK_EQ(a.region.moved, 0);
	CHECK_EQ(a.chan.lost, 0);
}

/* --- Twins ------------------------------------------------------------------------------------ */

static struct end twin;

/* The machine of slot 0 goes on twice: (twin) is its copy. */
static void copy_machine(void)
{
	twin = a;
	twin.region.chans = &twin.chan;
	twin.chan.region = &twin.region;
	twin.chan.tx.record = twin.records;
	twin.region.mem.vm_generation = &world.vm_generation[2];
}

static void twins(void)
{
	for (unsigned how = 1; how < 3; how++) {
		unsigned dead;

		open_both();
		world.vm_generation[2] = world.vm_generation[0];
		copy_machine();
		/* How many of them learn that they were moved. */
		world.vm_generation[2]++;
		world.vm_generation[0] += how == 2 ? 7 : 0;
		for (unsigned i = 0; i < 700; i++) {
			(void)send_to(&a, 1, 8);
			(void)send_to(&twin, 2, 8);
			(void)take(&b);
			if (i % 100 == 0) {
				(void)world_wait(&a.region, 1);
				(void)world_wait(&twin.region, 1);
				(void)world_wait(&b.region, 1);
			}
		}
		dead = !a.region.attached + !twin.region.attached;
		CHECK_EQ(dead, 1);
		CHECK_EQ(send_to(a.region.attached ? &twin : &a, 3, 8), IVSH_ELOST);
		CHECK(a.region.nonce != twin.region.nonce);
	}
}

/* Two machines that were restored from one snapshot draw different nonces. */
static void nonces(void)
{
	struct ivsh_mem mem;
	uint64_t first;

	world_format();
	mem = world_mem(0);
	first = ivsh_attach_nonce(&mem, 7);
	CHECK_EQ(ivsh_attach_nonce(&mem, 7) == first, 1);
	world.vm_generation[0]++;
	CHECK(ivsh_attach_nonce(&mem, 7) != first);
	/* Without a VM generation all works as ever. */
	mem.vm_generation = NULL;
	CHECK(ivsh_attach_nonce(&mem, 7) != 0);
}

/* --- Streams ---------------------------------------------------------------------------------- */

/* R10.7: a stream that was joined ends on both sides, and no byte of the wrong time is read. */
static void streams(void)
{
	static uint8_t buffer[2][256], out[100], in[100];
	struct ivsh_stream s[2];
	struct ivsh_message m;
	uint32_t count;
	int error = 0;

	open_both();
	CHECK_EQ(ivsh_stream_open(&s[0], &a.chan, 40, buffer[0], 256), 0);
	CHECK_EQ(ivsh_stream_open(&s[1], &b.chan, 40, buffer[1], 256), 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(ivsh_stream_poll(&s[0]), 0);
		CHECK_EQ(ivsh_stream_poll(&s[1]), 0);
	}
	memset(out, 7, sizeof(out));
	CHECK_EQ(ivsh_stream_write(&s[1], out, 50, &count), 0);
	CHECK_EQ(ivsh_stream_read(&s[0], in, 20, &count), 0);
	CHECK_EQ(count, 20);
	/* One message more is taken, but the machine is moved before its release says so. */
	CHECK_EQ(ivsh_stream_write(&s[1], out, 40, &count), 0);
	CHECK_EQ(ivsh_chan_peek(&a.chan, &m), 0);
	CHECK(ivsh_stream_take(&s[0], &m));
	world.vm_generation[0]++;
	CHECK_EQ(ivsh_chan_release(&a.chan), IVSH_EAGAIN);
	CHECK_EQ(ivsh_stream_read(&s[0], in, 100, &count), 0);
	CHECK_EQ(count, 30);
	CHECK_EQ(ivsh_stream_read(&s[0], in, 100, &count), IVSH_EPEER);
	CHECK_EQ(ivsh_stream_write(&s[0], in, 10, &count), IVSH_EPEER);
	for (unsigned i = 0; i < 3; i++)
		error = ivsh_stream_poll(&s[1]);
	CHECK_EQ(error, IVSH_EPEER);
	get_along();
	CHECK_EQ(ivsh_stream_open(&s[0], &a.chan, 40, buffer[0], 256), 0);
	CHECK_EQ(ivsh_stream_open(&s[1], &b.chan, 40, buffer[1], 256), 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(ivsh_stream_poll(&s[0]), 0);
		CHECK_EQ(ivsh_stream_poll(&s[1]), 0);
	}
	CHECK_EQ(ivsh_stream_write(&s[1], out, 50, &count), 0);
	CHECK_EQ(ivsh_stream_read(&s[0], in, 100, &count), 0);
	CHECK_EQ(count, 50);
}

/*
 * At the new place the receiver's read index is older than the one that let the sender use the
 * payloads' bytes again. A peer that attaches there finds no message of the last generation. SPEC
 * R5.11.8.
 */
static void old_read_index(void)
{
	struct ivsh_wire_receiver *receiver;
	uint32_t old, taken = 0;

	open_both();
	receiver = world_ring(0, 1).receiver;
	for (uint64_t number = 1; number <= 40; number++) {
		CHECK_EQ(send_to(&a, number, 200), 0);
		CHECK_EQ(take(&b), (int64_t)number);
	}
	CHECK_EQ(take(&b), IVSH_EAGAIN);
	old = receiver->read - 30;
	for (uint64_t number = 41; number <= 45; number++)
		CHECK_EQ(send_to(&a, number, 200), 0);
	receiver->read = old;
	world.vm_generation[0]++;
	CHECK_EQ(send_to(&a, 46, 200), IVSH_EAGAIN);
	CHECK_EQ(attach(&b, 1, 3003), 0);
	for (unsigned i = 0; i < 100; i++)
		taken += take(&b) >= 0;
	CHECK_EQ(taken, 0);
	CHECK(events_of(&a, 0, IVSH_PEER_EVENT_LOST) > 0);
	CHECK(events_of(&b, 1, IVSH_PEER_EVENT_LOST) > 0);
	get_along();
}

/*
 * A receiver may have loaded the high half of a message's control word before the sender takes the
 * message away: the low half that it then loads is still the message's. SPEC R1.3.6.
 */
static void taken_away(void)
{
	uint64_t old[8];

	open_both();
	for (uint32_t i = 0; i < 8; i++) {
		CHECK_EQ(send_to(&a, i + 1, i % 2 ? 8 : 100), 0);
		old[i] = world_desc(0, 1, i)->control;
	}
	world.vm_generation[0]++;
	CHECK_EQ(send_to(&a, 9, 8), IVSH_EAGAIN);
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t control = world_desc(0, 1, i)->control;

		CHECK(control >> 48 != old[i] >> 48);
		if (UINTPTR_MAX == UINT32_MAX)
			CHECK_EQ((uint32_t)control, (uint32_t)old[i]);
	}
	get_along();
}

/* --- Channels whose peer has left ------------------------------------------------------------- */

static void leave(struct end *end)
{
	ivsh_chan_close(&end->chan);
	ivsh_region_detach(&end->region);
}

/* (count) messages from number (first) on, inline and in the small area. */
static void send_some(uint64_t first, uint32_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		CHECK_EQ(send_to(&a, number, number % 3 ? 8 : 100), 0);
}

static void take_some(uint64_t first, uint32_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		CHECK_EQ(take(&b), (int64_t)number);
	CHECK_EQ(take(&b), IVSH_EAGAIN);
}

/* The peer leaves, the machine is moved in one of its calls, the peer comes back. R5.11.7. */
static void quiet(void)
{
	for (unsigned i = 0; i < CALLS; i++) {
		open_both();
		CHECK_EQ(send_to(&b, 1, 100), 0);
		send_some(1, 10);
		for (uint64_t number = 1; number <= 6; number++)
			CHECK_EQ(take(&b), (int64_t)number);
		CHECK_EQ(take(&a), 1);
		CHECK_EQ(take(&a), IVSH_EAGAIN);
		leave(&b);
		(void)events_of(&a, 0, IVSH_PEER_EVENT_DOWN);
		if (calls[i].ready == PEEKED)
			continue; /* a message waits in that ring */
		if (calls[i].ready == RESERVED) {
			void *payload;

			CHECK_EQ(ivsh_chan_reserve(&a.chan, 100, &payload), 0);
		}
		world.vm_generation[0]++;
		CHECK_EQ(calls[i].call(), IVSH_EAGAIN);
		CHECK_EQ(a.region.moved, 1);
		send_some(11, 10);
		CHECK_EQ(attach(&b, 1, 3003), 0);
		take_some(7, 14);
		CHECK_EQ(a.chan.lost + b.chan.lost, 0);
		CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_MOVED), 1);
		CHECK_EQ(events_of(&a, 0, IVSH_PEER_EVENT_LOST), 0);
		get_along();
	}
}

/* What makes a channel whose peer has left not quiet: then both report a loss. */
static void not_quiet(void)
{
	for (unsigned how = 0; how < 4; how++) {
		struct ring ring;

		open_both();
		send_some(1, 10);
		take_some(1, 10);
		send_some(11, 10);
		if (how == 0)
			CHECK_EQ(send_to(&b, 1, 100), 0); /* left behind: it may not be whole */
		leave(&b);
		ring = world_ring(0, 1);
		if (how == 1)
			ring.receiver->read = 30; /* of no message that was sent */
		if (how == 2)
			world_desc(0, 1, 15)->control = 0; /* a message that was accepted */
		if (how == 3)
			ring.receiver->generation_ack ^= 1;
		world.vm_generation[0]++;
		CHECK_EQ(call_send(), IVSH_EAGAIN);
		CHECK_EQ(attach(&b, 1, 3003), 0);
		CHECK_EQ(a.chan.lost, 1);
		get_along();
		CHECK(events_of(&a, 0, IVSH_PEER_EVENT_LOST) != 0);
		CHECK(events_of(&b, 1, IVSH_PEER_EVENT_LOST) != 0);
	}
}

static const struct test tests[] = {
    {"every call", every_call},
    {"changed again", changed_again},
    {"voided", voided},
    {"waits", waits},
    {"other calls", other_calls},
    {"broken channel", broken},
    {"device gone, slot lost", gone},
    {"memory back: receiver ahead", receivers_ahead},
    {"memory back: both go on", memories_back},
    {"memory back: idle", idle_back},
    {"heartbeat damaged", heartbeat_damaged},
    {"twins", twins},
    {"nonces", nonces},
    {"streams", streams},
    {"peer left: quiet", quiet},
    {"peer left: not quiet", not_quiet},
    {"an old read index", old_read_index},
    {"messages taken away", taken_away},
};

int main(void)
{
	return test_main("moved", tests, sizeof(tests) / sizeof(tests[0]));
}
