/* SPDX-License-Identifier: MIT */
/*
 * wait_test.c - the one wait call: its events, its requests, and its cost.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)
#define STORE_NS UINT64_C(1000000) /* lib/core/wait.c */

static struct end a, b;
static uint8_t in[8192];
static uint32_t events, hooks, want_seen;

static void open_both(void)
{
	world_format();
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(end_open(&b, 1, 0, false), 0);
	events = hooks = want_seen = 0;
}

static int wait_mode(enum ivsh_wait_mode mode, uint64_t timeout_ns)
{
	const struct ivsh_wait wait = {.mode = mode, .spin_ns = 10000};

	events = 0;
	return ivsh_region_wait(&b.region, &wait, timeout_ns, &events);
}

/*
 * Time alone: the heartbeat goes on, the wait polls the memory ten times a second, no request
 * stays. SPEC R5.4, R5.5, R8.3.
 */
static void time_over(void)
{
	uint32_t before;

	open_both();
	before = world_slot(1)->heartbeat;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world.slept_ns, SECOND);
	CHECK(world_slot(1)->heartbeat - before >= 10);
	/* Ten times, and once more when all can have seen that it makes requests. */
	CHECK_EQ(b.region.counters.wakes_timer, 11);
	CHECK_EQ(b.region.counters.missed_notifications, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR, 0);
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 0), 0);
	CHECK_EQ(world.slept_ns, SECOND);
	CHECK(world_slot(1)->wakes_timer >= 9);
}

/* An event that is there already ends a wait at once, without a sleep, in every mode. */
static void already_there(void)
{
	static const enum ivsh_wait_mode modes[] = {
	    IVSH_WAIT_POLL, IVSH_WAIT_SPIN, IVSH_WAIT_SLEEP};

	for (unsigned i = 0; i < 3; i++) {
		struct ivsh_message message;

		open_both();
		NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
		CHECK_EQ(wait_mode(modes[i], SECOND), 0);
		CHECK_EQ(events, IVSH_EVENT_MESSAGE);
		CHECK_EQ(world.slept_ns, 0);
		CHECK_EQ(world.rings, 0);
		/* A message that is peeked and held is no event. */
		NEED_EQ(ivsh_chan_peek(&b.chan, &message), 0);
		CHECK_EQ(wait_mode(modes[i], 100000), 0);
		CHECK_EQ(events, 0);
	}
}

/* The others, while we sleep: ten messages, of which the first is notified. */
static void send_ten(void)
{
	want_seen = world_ring(0, 1).receiver->notify_request;
	for (unsigned i = 0; i < 10 && hooks == 0; i++)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	if (hooks++ == 0)
		world.notified += world.rings;
}

static void send_unheard(void)
{
	if (hooks++ == 0)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
}

/* One request, one notification. SPEC R8.2.5. */
static void woken(void)
{
	struct ivsh_counters counters;

	open_both();
	world.on_sleep = send_ten;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 1);
	CHECK_EQ(world.ring_vector, 1); /* 1 + 0 % 3 */
	CHECK_EQ(want_seen, 1u << IVSH_WIRE_REQUEST_SHIFT | 2);
	CHECK_EQ(a.region.counters.notifications_sent, 1);
	NEED_EQ(ivsh_region_counters(&a.region, 0, &counters), 0);
	CHECK_EQ(counters.notifications_suppressed, 9);
	CHECK_EQ(b.region.counters.wakes_doorbell, 1);
	CHECK_EQ(b.region.counters.missed_notifications, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 1u << IVSH_WIRE_REQUEST_SHIFT);
	/* An awake peer costs no sender a notification. */
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
}

/*
 * A sleep of the program's own: its requests stand until it takes them back, and are not made for
 * peers that stay awake; the first is short. SPEC R8.2.5, R8.7.4.
 */
static void armed(void)
{
	const struct ivsh_wait wait = {.nap_ns = 7};

	open_both();
	CHECK_EQ(ivsh_region_arm(&b.region, &wait), STORE_NS);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 1u << IVSH_WIRE_REQUEST_SHIFT | 2);
	world.now_ns += STORE_NS;
	CHECK_EQ(ivsh_region_arm(&b.region, &wait), IVSH_POLL_NS);
	CHECK_EQ(wait_mode(IVSH_WAIT_POLL, 0), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(wait_mode(IVSH_WAIT_POLL, 0), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	ivsh_region_disarm(&b.region);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 2u << IVSH_WIRE_REQUEST_SHIFT);
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
	b.region.mem.doorbell.vectors = 0;
	CHECK_EQ(ivsh_region_arm(&b.region, &wait), 7);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 2u << IVSH_WIRE_REQUEST_SHIFT);
	ivsh_region_detach(&b.region);
	CHECK_EQ(ivsh_region_arm(&b.region, &wait), 0);
}

/* The next request is another one, also after either side's restart. SPEC R8.2.8. */
static void requested_again(void)
{
	struct ivsh_message message;

	open_both();
	for (unsigned life = 0; life < 6; life++) {
		while (ivsh_chan_receive(&b.chan, &message, in, sizeof(in)) == 0)
			;
		if (life == 2 || life == 4) {
			end_kill(&b);
			NEED_EQ(end_open(&b, 1, 0, false), 0);
		} else if (life == 3) {
			end_kill(&a);
			NEED_EQ(end_open(&a, 0, 1, false), 0);
		}
		hooks = world.rings = 0;
		world.on_sleep = send_ten;
		CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
		CHECK_EQ(events, IVSH_EVENT_MESSAGE);
		CHECK_EQ(world.rings, 1);
	}
}

/* An incarnation that ended in its sleep left a request; the next one's is not taken for it. */
static void killed_asleep(void)
{
	open_both();
	world_ring(0, 1).receiver->notify_flags = IVSH_WIRE_NOTIFY_REQUEST;
	world_ring(0, 1).receiver->notify_request = 7u << IVSH_WIRE_REQUEST_SHIFT | 2;
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(world.rings, 1);
	NEED_EQ(end_open(&b, 1, 0, true), 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 7u << IVSH_WIRE_REQUEST_SHIFT);
	world.rings = 0;
	world.on_sleep = send_ten;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(want_seen, 8u << IVSH_WIRE_REQUEST_SHIFT | 2);
	CHECK_EQ(world.rings, 1);
}

/*
 * An incarnation that ended between a store and its notification: the next one notifies. SPEC
 * R8.2.
 */
static void killed_ringing(void)
{
	struct ivsh_message message;

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	world_ring(0, 1).receiver->notify_request = 7u << IVSH_WIRE_REQUEST_SHIFT | 2;
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 1);

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EAGAIN);
	world_ring(0, 1).sender->notify_request = 7u << IVSH_WIRE_REQUEST_SHIFT | 2;
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(world.ring_peer, 0);
}

/* A missed notification costs time, and is counted. SPEC R8.3. */
static void missed_notifications(void)
{
	open_both();
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, STORE_NS), 0);
	world.slept_ns = 0;
	world.on_sleep = send_unheard;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(world.slept_ns, IVSH_POLL_NS);
	CHECK_EQ(b.region.counters.missed_notifications, 1);
	CHECK_EQ(b.region.counters.wakes_doorbell, 0);
}

static void count_sleeps(void)
{
	hooks++;
}

/*
 * A peer that begins to request notifications sleeps for 1 ms at the most until 1 ms has passed:
 * a message may be on its way from a sender that has not seen the request. SPEC R8.2.
 */
static void requests_first(void)
{
	struct ivsh_record records[64];
	struct ivsh_chan other;

	open_both();
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	CHECK_EQ(world_ring(1, 0).sender->notify_flags, 0);
	world.on_sleep = send_unheard;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(world.slept_ns, STORE_NS);
	CHECK_EQ(b.region.counters.wakes_timer, 1);
	/* No notification was missed: none was requested. */
	CHECK_EQ(b.region.counters.missed_notifications, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	CHECK_EQ(world_ring(1, 0).sender->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	/* It is over, for this channel. */
	CHECK_EQ(ivsh_chan_receive(&b.chan, &(struct ivsh_message){0}, in, sizeof(in)), 0);
	world.slept_ns = hooks = 0;
	world.on_sleep = count_sleeps;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, IVSH_POLL_NS), 0);
	CHECK_EQ(hooks, 1);
	/* Another one asks anew, and a wait that ends meanwhile does not end that. */
	NEED_EQ(ivsh_chan_open(&other, &b.region, 2, records, 64), 0);
	CHECK_EQ(world_ring(2, 1).receiver->notify_flags, 0);
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, STORE_NS / 4), 0);
	CHECK_EQ(world_ring(2, 1).receiver->notify_flags, IVSH_WIRE_NOTIFY_REQUEST);
	world.slept_ns = hooks = 0;
	world.on_sleep = send_unheard;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(world.slept_ns, STORE_NS - STORE_NS / 4);
	CHECK_EQ(b.region.counters.missed_notifications, 0);
	/* The next incarnation begins without a request. */
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	CHECK_EQ(world_ring(1, 0).sender->notify_flags, 0);
}

static void receive_one(void)
{
	struct ivsh_message message;

	if (hooks++ != 0)
		return;
	want_seen = world_ring(1, 0).sender->notify_request;
	CHECK_EQ(ivsh_chan_receive(&a.chan, &message, in, sizeof(in)), 0);
	world.notified += world.rings;
}

/* A sender that was full is notified at the first room that is enough. SPEC R7.10, R8.2. */
static void space(void)
{
	open_both();
	while (ivsh_chan_send(&b.chan, 1, "x", 1) == 0)
		;
	world.on_sleep = receive_one;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_SPACE);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(want_seen, 1u << IVSH_WIRE_REQUEST_SHIFT | 2);
	CHECK_EQ(ivsh_chan_send(&b.chan, 1, "x", 1), 0);
	/* No longer blocked: room is no event any more, and none is requested for it. */
	hooks = 0;
	world.on_sleep = NULL;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world_ring(1, 0).sender->notify_request, 1u << IVSH_WIRE_REQUEST_SHIFT);
}

/* A wait for room alone sleeps although there are unread messages. */
static void only_wanted(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP, .wanted = IVSH_EVENT_SPACE};

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	CHECK_EQ(ivsh_region_wait(&b.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world.slept_ns, 1000);
	while (ivsh_chan_send(&b.chan, 1, "x", 1) == 0)
		;
	world.on_sleep = receive_one;
	CHECK_EQ(ivsh_region_wait(&b.region, &wait, SECOND, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_SPACE);
}

static void server_changes(void)
{
	if (hooks++ == 0)
		world_server()->change++;
}

static void control(void)
{
	open_both();
	world.on_sleep = server_changes;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
	CHECK_EQ(events, 0);
	world_server()->change += 5;
	CHECK_EQ(wait_mode(IVSH_WAIT_POLL, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
}

static void look_at_request(void)
{
	want_seen = world_ring(5, 1).receiver->notify_request;
}

/* SPEC R8.4. */
static void vectors(void)
{
	static const struct {
		uint32_t ours, epoch, served, theirs, vector;
	} rows[] = {{1, 0, 0, 9, 0}, {2, 0, 0, 9, 1}, {3, 0, 0, 9, 2}, {4, 0, 0, 9, 3},
	    {5, 0, 0, 9, 2}, {128, 0, 0, 128, 6}, {128, 7, 4, 9, 3}, {128, 7, 1, 9, 0},
	    {4, 7, 128, 9, 3}, {4, 0, 1, 9, 3}, {2048, 0, 0, 2048, 6}, {16, 0, 0, 1, 0},
	    {16, 7, 16, 2, 1}, {16, 0, 0, 0, 0}, {16, 0, 0, UINT32_MAX, 6}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_format();
		world.vectors = rows[i].ours;
		world_server()->epoch = rows[i].epoch;
		world_server()->vectors = rows[i].served;
		world_slot(5)->vectors = rows[i].theirs;
		NEED_EQ(end_open(&b, 1, 5, false), 0);
		world.on_sleep = look_at_request;
		CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
		CHECK_EQ(want_seen & IVSH_WIRE_REQUEST_VECTOR, rows[i].vector + 1);
	}
}

/* A peer that cannot be notified requests nothing and naps. SPEC R8.1.2. */
static void no_vectors(void)
{
	world_format();
	world.vectors = 0;
	NEED_EQ(end_open(&b, 1, 5, false), 0);
	want_seen = 77;
	world.on_sleep = look_at_request;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 10000000), 0);
	CHECK_EQ(want_seen, 0);
	CHECK_EQ(world_ring(5, 1).receiver->notify_flags, 0);
	CHECK_EQ(world_ring(1, 5).sender->notify_flags, 0);
	CHECK_EQ(b.region.counters.wakes_timer, 20);
	CHECK_EQ(world_slot(1)->vectors, 0);
}

static void send_late(void)
{
	if (world.relaxed == 50)
		CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
}

/* Polling never sleeps and requests nothing; spinning does so only when it was in vain. */
static void modes(void)
{
	open_both();
	CHECK_EQ(wait_mode(IVSH_WAIT_POLL, 1000000), 0);
	CHECK_EQ(events, 0);
	CHECK_EQ(world.slept_ns, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 0);

	open_both();
	world.on_relax = send_late;
	CHECK_EQ(wait_mode(IVSH_WAIT_SPIN, SECOND), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	CHECK_EQ(world.slept_ns, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_flags, 0);
	CHECK_EQ(a.region.counters.notifications_sent, 0);

	open_both();
	CHECK_EQ(wait_mode(IVSH_WAIT_SPIN, 1000000), 0);
	CHECK_EQ(world.relaxed, 100); /* 10 us of 100 ns */
	CHECK_EQ(world.slept_ns, 990000);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request, 1u << IVSH_WIRE_REQUEST_SHIFT);
}

static void look_at_read(void)
{
	want_seen = world_ring(0, 1).receiver->read;
}

/* Before a sleep everything released is published. SPEC R8.5. */
static void gives_back(void)
{
	struct ivsh_message message;

	open_both();
	NEED_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	NEED_EQ(ivsh_chan_receive(&b.chan, &message, in, sizeof(in)), 0);
	CHECK_EQ(world_ring(0, 1).receiver->read, 0);
	world.on_sleep = look_at_read;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
	CHECK_EQ(want_seen, 1);
}

/* Channels come and go, break and open again: the wait sees those that are open, once. */
static void channels(void)
{
	struct ivsh_record records[64];
	struct ivsh_chan other;

	open_both();
	NEED_EQ(ivsh_chan_open(&other, &b.region, 2, records, 64), 0);
	NEED_EQ(ivsh_chan_open(&b.chan, &b.region, 0, b.records, 64), 0);
	CHECK(b.region.chans == &b.chan && b.chan.next == &other && !other.next);
	world_desc(0, 1, 0)->control = UINT64_C(1) << 48 | 9; /* an inline payload of 9 bytes */
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
	CHECK_EQ(events, IVSH_EVENT_MESSAGE);
	{
		struct ivsh_message message;

		CHECK_EQ(ivsh_chan_peek(&b.chan, &message), IVSH_EPROTO);
	}
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
	CHECK_EQ(events, 0);
	ivsh_chan_close(&b.chan);
	ivsh_chan_close(&b.chan);
	CHECK(b.region.chans == &other && !other.next);
	ivsh_chan_close(&other);
	CHECK(!b.region.chans);
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, 1000), 0);
}

static void rob(void)
{
	world_slot(1)->nonce ^= 1;
}

/* A slot that is lost while we sleep: nothing of it is written afterwards. SPEC R5.6.2. */
static void slot_lost(void)
{
	open_both();
	world.on_sleep = rob;
	CHECK_EQ(wait_mode(IVSH_WAIT_SLEEP, SECOND), IVSH_ELOST);
	CHECK(world.slept_ns <= IVSH_POLL_NS);
	CHECK_EQ(wait_mode(IVSH_WAIT_POLL, SECOND), IVSH_ELOST);
}

/* --- Several at once -------------------------------------------------------------------------- */

static struct end c;
static struct ivsh_chan to_c;
static struct ivsh_record to_c_records[64];
static struct ivsh_region *const both[] = {&b.region, &c.region};
static uint32_t of_each[2], want_seen_c;

static void open_three(void)
{
	open_both();
	NEED_EQ(end_open(&c, 2, 0, false), 0);
	NEED_EQ(ivsh_chan_open(&to_c, &a.region, 2, to_c_records, 64), 0);
	of_each[0] = of_each[1] = want_seen_c = 77;
}

static int wait_several(enum ivsh_wait_mode mode, uint64_t timeout_ns)
{
	const struct ivsh_wait wait = {.mode = mode, .spin_ns = 10000};

	return ivsh_regions_wait(both, 2, &wait, timeout_ns, of_each);
}

static void send_to_c(void)
{
	want_seen = world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR;
	want_seen_c = world_ring(0, 2).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR;
	if (hooks++ == 0)
		CHECK_EQ(ivsh_chan_send(&to_c, 1, "x", 1), 0);
	world.notified = world.rings;
}

/*
 * All regions request notifications, any notification ends the sleep, and its region is known. SPEC
 * R8.2.
 */
static void several_woken(void)
{
	open_three();
	world.on_sleep = send_to_c;
	CHECK_EQ(wait_several(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK(want_seen != 0 && want_seen_c != 0);
	CHECK_EQ(world.rings, 1);
	CHECK_EQ(of_each[0], 0);
	CHECK_EQ(of_each[1], IVSH_EVENT_MESSAGE);
	CHECK_EQ(b.region.counters.wakes_doorbell, 0);
	CHECK_EQ(c.region.counters.wakes_doorbell, 1);
	CHECK_EQ(
	    b.region.counters.missed_notifications + c.region.counters.missed_notifications, 0);
	CHECK_EQ(world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR, 0);
	CHECK_EQ(world_ring(0, 2).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR, 0);
}

static void several_already(void)
{
	static const enum ivsh_wait_mode modes[] = {
	    IVSH_WAIT_POLL, IVSH_WAIT_SPIN, IVSH_WAIT_SLEEP};

	for (unsigned i = 0; i < 3; i++) {
		open_three();
		NEED_EQ(ivsh_chan_send(&to_c, 1, "x", 1), 0);
		CHECK_EQ(wait_several(modes[i], SECOND), 0);
		CHECK_EQ(of_each[0], 0);
		CHECK_EQ(of_each[1], IVSH_EVENT_MESSAGE);
		CHECK_EQ(world.slept_ns, 0);
	}
}

/* Time alone: as long a sleep as one region has, and both heartbeats. */
static void several_over(void)
{
	uint32_t before[2];

	open_three();
	before[0] = world_slot(1)->heartbeat;
	before[1] = world_slot(2)->heartbeat;
	CHECK_EQ(wait_several(IVSH_WAIT_SLEEP, SECOND), 0);
	CHECK_EQ(of_each[0] | of_each[1], 0);
	CHECK_EQ(world.slept_ns, SECOND);
	CHECK(c.region.counters.wakes_timer <= 12);
	CHECK(world_slot(1)->heartbeat - before[0] >= 10);
	CHECK(world_slot(2)->heartbeat - before[1] >= 10);
	CHECK_EQ(ivsh_regions_wait(both, 0, &(struct ivsh_wait){0}, 0, of_each), IVSH_EINVAL);
}

/* The wait says which region was lost; the others are as they were. */
static void several_lost(void)
{
	open_three();
	world.on_sleep = rob;
	CHECK_EQ(wait_several(IVSH_WAIT_SLEEP, SECOND), IVSH_ELOST);
	CHECK_EQ(of_each[0], IVSH_EVENT_LOST);
	CHECK_EQ(of_each[1], 0);
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_regions_wait(both + 1, 1, &(struct ivsh_wait){0}, 0, of_each), 0);
}

/* Each reading of the clock takes time. */
static uint64_t clock_steps(void *ctx)
{
	(void)ctx;
	return world.now_ns += 20000;
}

/* The millisecond after the flags does not lengthen a shorter wait. SPEC R8.7.4. */
static void short_first_wait(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};

	for (uint64_t timeout_ns = 0; timeout_ns < 2000000;
	     timeout_ns += timeout_ns < 100000 ? 5000 : 100000) {
		uint64_t start;

		open_both();
		b.region.mem.doorbell.now_ns = clock_steps;
		start = world.now_ns;
		NEED_EQ(ivsh_region_wait(&b.region, &wait, timeout_ns, &events), 0);
		CHECK_EQ(events, 0);
		CHECK(world.now_ns - start >= timeout_ns);
		CHECK(world.now_ns - start <= timeout_ns + 400000);
		CHECK(world.slept_ns <= timeout_ns);
	}
}

static const struct test tests[] = {
    {"several: woken by a doorbell", several_woken},
    {"several: already there", several_already},
    {"several: time is over", several_over},
    {"several: one slot lost", several_lost},
    {"time is over", time_over},
    {"already there", already_there},
    {"woken by a doorbell", woken},
    {"a sleep of the program's own", armed},
    {"requested again", requested_again},
    {"killed asleep", killed_asleep},
    {"killed before it notified", killed_ringing},
    {"a missed notification", missed_notifications},
    {"the first millisecond", requests_first},
    {"a short first wait", short_first_wait},
    {"space", space},
    {"only what is wanted", only_wanted},
    {"control", control},
    {"vectors", vectors},
    {"no vectors", no_vectors},
    {"modes", modes},
    {"gives back", gives_back},
    {"channels", channels},
    {"slot lost", slot_lost},
};

int main(void)
{
	return test_main("wait", tests, sizeof(tests) / sizeof(tests[0]));
}
