/* SPDX-License-Identifier: MIT */
/*
 * message_test.c - sending and receiving through nodes: by number and name, with and without
 * waiting.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <ivsh/wire.h>

#include <string.h>

#define MS UINT64_C(1000000)

static struct ivsh_node_options alpha = {.name = "alpha"}, beta = {.name = "beta"};

static void open_two(void)
{
	town_reset();
	CHECK_EQ(town_open(0, &alpha), 0);
	CHECK_EQ(town_open(1, &beta), 0);
}

/* Bytes, label and sender arrive. */
static void by_number(void)
{
	struct ivsh_node_message m;

	open_two();
	NEED_EQ(ivsh_node_send(town[0], 1, 77, "hello", 5, 0), 0);
	NEED_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), 0);
	CHECK_EQ(m.peer, 0);
	CHECK_EQ(m.port, 77);
	CHECK_EQ(m.size, 5);
	CHECK_EQ(m.flags, 0);
	CHECK_EQ(m.request, 0);
	CHECK_EQ(m.data == town_in, true);
	CHECK_EQ(memcmp(town_in, "hello", 5), 0);
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	/* No peer is there yet: the message is delivered all the same. SPEC R6.1. */
	NEED_EQ(ivsh_node_send(town[0], 2, 1, "later", 5, 0), 0);
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(town_receive(2, &m), 'l');
}

static void by_name(void)
{
	struct ivsh_node_message m;
	uint32_t peer = 99, sent;

	open_two();
	NEED_EQ(ivsh_node_send_to(town[0], "beta", 1, "b", 1, 0), 0);
	CHECK_EQ(town_receive(1, &m), 'b');
	CHECK_EQ(ivsh_node_send_to(town[0], "gamma", 1, "g", 1, 0), IVSH_ENODEV);
	CHECK_EQ(ivsh_node_find(town[1], "alpha", &peer, 0), 0);
	CHECK_EQ(peer, 0);
	CHECK_EQ(ivsh_node_find(town[0], NULL, &peer, 0), 0);
	CHECK_EQ(peer, 1);
	NEED_EQ(town_open(2, NULL), 0);
	NEED_EQ(ivsh_node_broadcast(town[0], 1, "x", 1, &sent, 0), 0);
	CHECK_EQ(sent, 2);
	CHECK_EQ(town_receive(1, &m), 'x');
	CHECK_EQ(town_receive(2, &m), 'x');
}

/* Messages that cannot be sent. */
static void refused(void)
{
	open_two();
	CHECK_EQ(ivsh_node_send(town[0], 0, 1, "x", 1, 0), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_send(town[0], WORLD_SLOTS, 1, "x", 1, 0), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_send(town[0], UINT32_MAX, 1, "x", 1, 0), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_max(town[0]), 8192);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, town_in, 8193, IVSH_FOREVER), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, town_in, 8192, 0), 0);
}

/* No message, no room, no peer: the answer comes when the time is over, and not before. */
static void deadlines(void)
{
	struct ivsh_node_message m;
	uint64_t start;
	uint32_t peer, events;

	open_two();
	start = world.now_ns;
	CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns, start);
	CHECK_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 7 * MS), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns - start, 7 * MS);
	for (unsigned i = 0; i < TOWN_DESCS; i++)
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), 0);
	start = world.now_ns;
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns, start);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 5 * MS), IVSH_EAGAIN);
	CHECK_EQ(world.now_ns - start, 5 * MS);
	CHECK_EQ(ivsh_node_find(town[0], "gamma", &peer, 0), IVSH_ENODEV);
	start = world.now_ns;
	CHECK_EQ(ivsh_node_find(town[0], "gamma", &peer, 300 * MS), IVSH_ENODEV);
	CHECK_EQ(world.now_ns - start, 300 * MS);
	CHECK_EQ(ivsh_node_wait(town[0], 3 * MS, &events), 0);
	CHECK_EQ(events, 0);
}

/* --- The other peers, while a node sleeps --------------------------------------------------- */

static void send_one(void)
{
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_node_send(town[0], 1, 9, "now", 3, 0), 0);
}

static void receive_all(void)
{
	struct ivsh_node_message m;

	world.on_sleep = NULL;
	while (ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), 0) == 0)
		;
}

static void open_gamma(void)
{
	struct ivsh_node_options gamma = {.name = "gamma"};

	if (world.slept_ns < 100 * MS)
		return;
	world.on_sleep = NULL;
	CHECK_EQ(town_open(2, &gamma), 0);
}

/* Sleeps until there is a message, room, or a peer. */
static void wakes(void)
{
	struct ivsh_node_message m;
	uint32_t peer = 0;

	open_two();
	world.on_sleep = send_one;
	NEED_EQ(ivsh_node_receive(town[1], &m, town_in, sizeof(town_in), IVSH_FOREVER), 0);
	CHECK_EQ(m.port, 9);
	open_two();
	for (unsigned i = 0; i < TOWN_DESCS; i++)
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "fill", 4, 0), 0);
	world.on_sleep = receive_all;
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, IVSH_FOREVER), 0);
	world.on_sleep = open_gamma;
	CHECK_EQ(ivsh_node_find(town[0], "gamma", &peer, IVSH_FOREVER), 0);
	CHECK_EQ(peer, 2);
}

/* Too large for the buffer: it stays, and comes first when there is one that is large enough. */
static void too_large(void)
{
	struct ivsh_node_message m;
	char small[4];

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	for (unsigned round = 0; round < 3; round++) {
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "abcdefgh", 8, 0), 0);
		CHECK_EQ(ivsh_node_receive(town[1], &m, small, sizeof(small), 0), IVSH_ENOSPC);
		CHECK_EQ(m.size, 8);
		CHECK_EQ(m.peer, 0);
		CHECK_EQ(ivsh_node_receive(town[1], &m, small, sizeof(small), MS), IVSH_ENOSPC);
		CHECK_EQ(town_receive(1, &m), 'a');
		CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	}
}

/* Dropped: what is behind it comes, of this peer and of others; and it is counted. */
static void drop_large(void)
{
	struct ivsh_node_message m;
	char small[4];

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	for (unsigned round = 1; round <= 3; round++) {
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "abcdefgh", 8, 0), 0);
		NEED_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), 0);
		NEED_EQ(ivsh_node_send(town[2], 1, 1, "stuvwxyz", 8, 0), 0);
		NEED_EQ(ivsh_node_send(town[2], 1, 1, "more", 4, 0), 0);
		for (unsigned got = 0; got < 2;) {
			int error = ivsh_node_receive(town[1], &m, small, sizeof(small), 0);

			if (error == IVSH_ENOSPC)
				ivsh_node_drop(town[1], &m);
			else
				got += error == 0 && small[0] == (m.peer == 0 ? 'n' : 'm');
			NEED_EQ(error == 0 || error == IVSH_ENOSPC, true);
		}
		CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
		CHECK_EQ(town[1]->dropped, 2 * round);
	}
}

/* A request, too: its caller gets no reply. Nothing is there to drop: nothing happens. */
static void drop_request(void)
{
	char small[4];
	struct ivsh_call call = {.peer = 1, .port = 7, .data = "abcdefgh", .size = 8};
	struct ivsh_node_message m = {.peer = 0};

	open_two();
	ivsh_node_drop(town[1], &m);
	CHECK_EQ(ivsh_node_call(town[0], &call, 0), IVSH_EAGAIN);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), 0);
	NEED_EQ(ivsh_node_receive(town[1], &m, small, sizeof(small), 0), IVSH_ENOSPC);
	CHECK_EQ(m.size, 8);
	ivsh_node_drop(town[1], &m);
	ivsh_node_drop(town[1], &m);
	m.peer = UINT32_MAX;
	ivsh_node_drop(town[1], &m);
	CHECK_EQ(town[1]->dropped, 1);
	CHECK_EQ(town_receive(1, &m), 'n');
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
}

/* A reset may take the large one first: what was sent behind the reset is not dropped. */
static void drop_after_reset(void)
{
	struct ivsh_node_message m;
	char small[4];

	open_two();
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "abcdefgh", 8, 0), 0);
	NEED_EQ(ivsh_node_receive(town[1], &m, small, sizeof(small), 0), IVSH_ENOSPC);
	NEED_EQ(ivsh_chan_reset(ivsh_node_channel(town[0], 1)), 0);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), 0);
	ivsh_node_drop(town[1], &m);
	CHECK_EQ(town_receive(1, &m), 'n');
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
}

/* In the inbox, where a call that waited has put it: not the one that stands in the ring. */
static void drop_from_inbox(void)
{
	uint8_t reply[4];
	struct ivsh_call call = {.peer = 0, .port = 7, .buffer = reply, .capacity = sizeof(reply)};
	struct ivsh_node_message m;
	char small[4];

	open_two();
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "abcdefgh", 8, 0), 0);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), 0);
	CHECK_EQ(ivsh_node_call(town[1], &call, MS), IVSH_EAGAIN);
	CHECK_EQ(town[1]->inbox_first != town[1]->inbox_end, true);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "last", 4, 0), 0);
	NEED_EQ(ivsh_node_receive(town[1], &m, small, sizeof(small), 0), IVSH_ENOSPC);
	ivsh_node_drop(town[1], &m);
	CHECK_EQ(town_receive(1, &m), 'n');
	CHECK_EQ(town_receive(1, &m), 'l');
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	ivsh_node_call_end(town[1], &call);
}

/* How many losses of (peer) are reported to node (self). */
static unsigned losses(uint32_t self, uint32_t peer)
{
	struct ivsh_peer_event event;
	unsigned count = 0;

	while (ivsh_node_next_event(town[self], &event, 0) == 0)
		count += event.kind == IVSH_PEER_EVENT_LOST && event.slot == peer;
	return count;
}

/* A loss that a node knows of: behind what it sent, before what it sends. SPEC R6.7.4. */
static void loss_reported(void)
{
	struct ivsh_node_message m;
	void *payload;

	open_two();
	CHECK_EQ(ivsh_node_report_loss(town[0], 0), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_report_loss(town[0], UINT32_MAX), IVSH_EINVAL);
	NEED_EQ(ivsh_chan_reserve(ivsh_node_channel(town[0], 1), 8, &payload), 0);
	CHECK_EQ(ivsh_node_report_loss(town[0], 1), IVSH_EINVAL);
	ivsh_chan_abandon(ivsh_node_channel(town[0], 1));
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "before", 6, 0), 0);
	NEED_EQ(ivsh_node_report_loss(town[0], 1), 0);
	NEED_EQ(ivsh_node_report_loss(town[0], 1), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), IVSH_EAGAIN);
	CHECK_EQ(losses(1, 0), 0);
	CHECK_EQ(town_receive(1, &m), 'b');
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	CHECK_EQ(losses(1, 0), 1);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "next", 4, 0), 0);
	CHECK_EQ(losses(0, 1), 1);
	CHECK_EQ(town_receive(1, &m), 'n');
	/* Broken at the receiving end: mended first. */
	NEED_EQ(ivsh_node_send(town[1], 0, 1, "lost", 4, 0), 0);
	world_desc(1, 0, 0)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(
	    ivsh_chan_receive(ivsh_node_channel(town[0], 1), &(struct ivsh_message){0}, NULL, 0),
	    IVSH_EPROTO);
	NEED_EQ(ivsh_node_report_loss(town[0], 1), 0);
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	CHECK_EQ(losses(1, 0), 1);
}

/* Two send without end: neither shuts out the other, and order stays for each. */
static void in_turn(void)
{
	struct ivsh_node_message m;
	uint8_t sent[2] = {0, 0}, next[2] = {0, 0};
	uint32_t run = 0, last = 0;

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	for (unsigned count = 0; count < 400; count++) {
		for (uint32_t i = 0; i < 2; i++)
			while (ivsh_node_send(town[i], 2, 1, &sent[i], 1, 0) == 0)
				sent[i]++;
		NEED_EQ(ivsh_node_receive(town[2], &m, town_in, sizeof(town_in), 0), 0);
		NEED_EQ(m.peer < 2, true);
		CHECK_EQ(town_in[0], next[m.peer]);
		next[m.peer]++;
		run = m.peer == last ? run + 1 : 1;
		last = m.peer;
		NEED_EQ(run <= 64, true);
	}
}

/* A turn counts messages: packed records without end shut out nobody. SPEC R7.12.9. */
static void records_in_turn(void)
{
	struct ivsh_message batch[40];
	struct ivsh_node_message m;
	uint32_t run = 0, sent;
	uint8_t next = 0;

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	for (unsigned i = 0; i < 40; i++)
		batch[i] = (struct ivsh_message){"record", 6, 1, 0};
	for (unsigned count = 0; count < 1000; count++) {
		while (ivsh_chan_send_batch(ivsh_node_channel(town[0], 2), batch, 40, &sent) == 0)
			continue;
		while (ivsh_node_send(town[1], 2, 1, &next, 1, 0) == 0)
			next++;
		NEED_EQ(ivsh_node_receive(town[2], &m, town_in, sizeof(town_in), 0), 0);
		CHECK_EQ(m.size, m.peer == 0 ? 6 : 1);
		run = m.peer == 0 ? run + 1 : 0;
		NEED_EQ(run <= 64, true);
	}
}

/* Requests without end of one peer, some of them taken past the node: the other has its turn. */
static void past_the_turn(void)
{
	static const struct ivsh_wire_call request = {
	    .kind = IVSH_WIRE_CALL_REQUEST, .port = 7, .id = 5};
	struct ivsh_node_message m;
	struct ivsh_message raw;
	unsigned count = 0;

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	NEED_EQ(ivsh_node_send(town[0], 2, IVSH_PORT_CALL, &request, 16, 0), 0);
	CHECK_EQ(town_receive(2, &m), 0);
	CHECK_EQ(m.peer, 0);
	for (unsigned i = 0; i < 100; i++) {
		NEED_EQ(ivsh_node_send(town[0], 2, IVSH_PORT_CALL, &request, 16, 0), 0);
		NEED_EQ(ivsh_chan_receive(ivsh_node_channel(town[2], 0), &raw, town_in, 16), 0);
	}
	NEED_EQ(ivsh_node_send(town[1], 2, 1, "x", 1, 0), 0);
	do {
		NEED_EQ(ivsh_node_send(town[0], 2, IVSH_PORT_CALL, &request, 16, 0), 0);
		NEED_EQ(ivsh_node_receive(town[2], &m, town_in, sizeof(town_in), 0), 0);
	} while (m.peer != 1 && ++count < 200);
	CHECK_EQ(m.peer, 1);
	CHECK_EQ(count <= 64, true);
}

/* Messages to an earlier incarnation come, or are dropped; those of a killed one come marked. */
static void restarts(void)
{
	struct ivsh_node_options discard = {.flags = IVSH_NODE_DISCARD};
	struct ivsh_node_message m;

	open_two();
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "one", 3, 0), 0);
	town_kill(1);
	NEED_EQ(town_open(1, NULL), 0);
	CHECK_EQ(town_receive(1, &m), 'o');
	CHECK_EQ(m.flags, IVSH_MAYBE_SEEN);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "two", 3, 0), 0);
	town_close(1);
	NEED_EQ(town_open(1, &discard), 0);
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	CHECK_EQ(town[1]->region.counters.discarded, 1);
	NEED_EQ(ivsh_node_send(town[0], 1, 1, "three", 5, 0), 0);
	CHECK_EQ(town_receive(1, &m), 't');
}

/* Another peer has claimed the slot: every call answers that. SPEC R5.6.3. */
static void slot_lost(void)
{
	struct ivsh_node_message m;
	uint32_t peer;
	uint16_t port;

	open_two();
	world_slot(0)->nonce++;
	CHECK_EQ(ivsh_node_find(town[0], "gamma", &peer, 0), IVSH_ELOST);
	CHECK_EQ(ivsh_node_find_service(town[0], "clock", &peer, &port, 0), IVSH_ELOST);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), IVSH_ELOST);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, IVSH_FOREVER), IVSH_ELOST);
	CHECK_EQ(town_receive(0, &m), IVSH_ELOST);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, 1, IVSH_FOREVER), IVSH_ELOST);
	CHECK_EQ(ivsh_node_wait(town[0], IVSH_FOREVER, NULL), IVSH_ELOST);
	CHECK_EQ(ivsh_node_find(town[0], "gamma", &peer, IVSH_FOREVER), IVSH_ELOST);
	town_close(0);
}

/* Before a sleep of the program's own: only what is wanted forbids it. */
static void armed(void)
{
	struct ivsh_node_message m;
	uint32_t events = 0;
	uint64_t most_ns = 0;

	town_reset();
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(town_open(1, NULL), 0);
	world.now_ns += 10 * MS;
	while (ivsh_node_arm(town[1], 0, &most_ns, &events) == 0 && events == IVSH_EVENT_CONTROL)
		;
	CHECK(events == 0 && most_ns != 0);
	CHECK(world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), 0);
	CHECK_EQ(ivsh_node_arm(town[1], 0, &most_ns, &events), 0);
	CHECK(events == IVSH_EVENT_MESSAGE && most_ns == 0);
	CHECK(!(world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR));
	CHECK_EQ(ivsh_node_arm(town[1], IVSH_EVENT_SPACE, &most_ns, &events), 0);
	CHECK(events == IVSH_EVENT_MESSAGE && most_ns != 0);
	CHECK(world_ring(0, 1).receiver->notify_request & IVSH_WIRE_REQUEST_VECTOR);
	CHECK_EQ(town_receive(1, &m), 'x');
	CHECK_EQ(ivsh_node_arm(town[1], 0, &most_ns, &events), 0);
	CHECK(events == 0 && most_ns != 0);
	town_close(0);
	town_close(1);
}

/*
 * A split region, in which slot 1 has damaged its part's header: sending there answers so, until it
 * is right; slot 2 hears nothing of it. SPEC R17.4.5.
 */
static void part_left_out(void)
{
	struct ivsh_node_options options = {.name = "alpha"};
	struct ivsh_wire_part *part;
	struct ivsh_node_message m;

	if (!world_is_split())
		return;
	town_reset();
	part = (void *)((uint8_t *)world_slot(1) - IVSH_WIRE_PART_SLOT_OFFSET(1));
	part->format_id++;
	NEED_EQ(town_open(0, &options), 0);
	CHECK_EQ(options.parts_out, 1);
	CHECK_EQ(options.found_part, WORLD_SLOTS - 2); /* world.c has them the other way round */
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "a", 1, 0), IVSH_EPART);
	CHECK_EQ(ivsh_node_send(town[0], 2, 1, "b", 1, 0), 0);
	CHECK_EQ(town_receive(2, &m), 'b');
	CHECK_EQ(town_open(1, &options), IVSH_EPART);
	CHECK_EQ(options.found_part, WORLD_SLOTS - 2);
	part->format_id--;
	NEED_EQ(town_open(1, NULL), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "c", 1, 0), 0);
	CHECK_EQ(town_receive(1, &m), 'c');
}

/* The part of (slot), which its peer has not formatted yet; or it does so now. */
static void part_hide(uint32_t slot, bool yes)
{
	struct ivsh_wire_part *part =
	    (void *)((uint8_t *)world_slot(slot) - IVSH_WIRE_PART_SLOT_OFFSET(slot));

	part->magic = yes ? 0 : IVSH_WIRE_PART_MAGIC;
}

/* Slot 0 is open, and looked at the parts just now: those of slots 1 and 3 are not there. */
static void late_begin(void)
{
	struct ivsh_node_options options = {.name = "alpha", .flags = IVSH_NODE_SLEEP};

	town_reset();
	part_hide(1, true);
	part_hide(3, true);
	NEED_EQ(town_open(0, &options), 0);
	CHECK_EQ(options.parts_out, 2);
	CHECK_EQ(options.found_part, WORLD_SLOTS - 4); /* of slot 3: the other way round */
	CHECK_EQ(town[0]->parts_out, 2);
}

/* The peer of slot 1 formats its part, starts, and sends; nothing notifies slot 0. */
static void late_start(void)
{
	if (town[1])
		return;
	part_hide(1, false);
	NEED_EQ(town_open(1, NULL), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "l", 1, 0), 0);
}

/*
 * A part that is formatted long after: a node that only receives finds it, by polling at intervals,
 * among other peers' messages, in a sleep without end, and as an event.
 */
static void part_late(void)
{
	struct ivsh_peer_event event;
	struct ivsh_node_message m;
	uint32_t events;

	if (!world_is_split())
		return;
	/* What the server says of a slot needs no part of it. */
	late_begin();
	world_server()->epoch = 7;
	world_server()->connection[1] = 1;
	CHECK_EQ(ivsh_node_peer(town[0], 1)->connection, IVSH_CONNECTION_UP);
	CHECK_EQ(ivsh_node_peer(town[0], 1)->presence, IVSH_PEER_ABSENT);
	CHECK_EQ(ivsh_node_peer(town[0], 3)->connection, IVSH_CONNECTION_UNKNOWN);

	late_begin();
	late_start();
	/* Not before it is due: a poll costs nothing more. */
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	CHECK_EQ(town[0]->parts_out, 2);
	world.now_ns += IVSH_NODE_LOOK_NS;
	CHECK_EQ(town_receive(0, &m), 'l');
	CHECK(m.peer == 1);
	CHECK_EQ(town[0]->parts_out, 1);
	CHECK_EQ(ivsh_node_wait(town[0], 0, &events), 0);
	CHECK(events & IVSH_EVENT_CONTROL);
	CHECK_EQ(ivsh_node_next_event(town[0], &event, 0), 0);
	CHECK(event.kind == IVSH_PEER_EVENT_UP && event.slot == 1);

	late_begin();
	NEED_EQ(town_open(2, NULL), 0);
	late_start();
	world.now_ns += IVSH_NODE_LOOK_NS;
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ivsh_node_send(town[2], 0, 1, "b", 1, 0), 0);
		CHECK_EQ(ivsh_node_send(town[2], 0, 1, "b", 1, 0), 0);
		CHECK(town_receive(0, &m) > 0);
	}
	CHECK_EQ(town[0]->parts_out, 1);

	late_begin();
	world.on_sleep = late_start;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 2000 * MS), 0);
	CHECK(m.peer == 1 && town_in[0] == 'l');
	CHECK(world.slept_ns <= 3 * IVSH_NODE_LOOK_NS);

	late_begin();
	world.on_sleep = late_start;
	CHECK_EQ(ivsh_node_next_event(town[0], &event, 2000 * MS), 0);
	CHECK(event.kind == IVSH_PEER_EVENT_UP && event.slot == 1);

	late_begin();
	world.on_sleep = late_start;
	CHECK_EQ(ivsh_node_wait(town[0], 2000 * MS, &events), 0);
	CHECK(events & IVSH_EVENT_CONTROL);
	CHECK_EQ(town[0]->parts_out, 1);

	/* A time that is over is over, whether parts are missing or not. */
	late_begin();
	world.on_sleep = NULL;
	world.slept_ns = 0;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, sizeof(town_in), 250 * MS), IVSH_EAGAIN);
	CHECK(world.slept_ns >= 249 * MS && world.slept_ns <= 251 * MS);
	CHECK_EQ(town[0]->parts_out, 2);
}

/* One that only sends to all, and to a name. */
static void part_late_named(void)
{
	struct ivsh_node_options options = {.name = "beta"};
	struct ivsh_node_message m;
	uint32_t sent = 9, peer = 9;

	if (!world_is_split())
		return;
	late_begin();
	CHECK_EQ(ivsh_node_broadcast(town[0], 1, "a", 1, &sent, 0), 0);
	CHECK_EQ(sent, 0);
	part_hide(1, false);
	NEED_EQ(town_open(1, &options), 0);
	world.now_ns += IVSH_NODE_LOOK_NS;
	CHECK_EQ(ivsh_node_broadcast(town[0], 1, "b", 1, &sent, 0), 0);
	CHECK_EQ(sent, 1);
	CHECK_EQ(town_receive(1, &m), 'b');

	late_begin();
	part_hide(1, false);
	NEED_EQ(town_open(1, &options), 0);
	CHECK_EQ(ivsh_node_find(town[0], "beta", &peer, 2000 * MS), 0);
	CHECK_EQ(peer, 1);
}

/*
 * A node that only sends to slot 1: each call that needs an answer is refused at once, on both
 * sides, and so is a receive that nobody could end. SPEC 18.
 */
static void one_way(void)
{
	static uint8_t all[WORLD_SLOTS], buffer[256];
	struct ivsh_node_options options = {.one_way = all, .one_way_count = WORLD_SLOTS};
	struct ivsh_call call = {.peer = 1, .port = 9, .buffer = buffer, .capacity = 9};
	struct ivsh_node_stream stream;
	struct ivsh_node_message m;

	town_reset();
	memset(all, IVSH_SEND_ONLY, sizeof(all));
	world.is_short[0] = world_is_split() ? 2 : 0;
	NEED_EQ(town_open(0, &options), 0);
	NEED_EQ(town_open(1, &beta), 0);
	for (uint32_t n = 0; n < 200; n++) {
		NEED_EQ(
		    ivsh_node_send(town[0], 1, 1, n % 2 ? "n" : "n-------", n % 2 ? 1 : 8, 0), 0);
		CHECK_EQ(town_receive(1, &m), 'n');
	}
	CHECK_EQ(town_receive(1, &m), IVSH_EAGAIN);
	world.slept_ns = 0;
	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "x", 1, IVSH_FOREVER), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, 9, IVSH_FOREVER), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_call(town[0], &call, IVSH_FOREVER), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_stream_open(town[0], &stream, 1, 20, buffer, 64), IVSH_EONEWAY);
	call.peer = 0;
	CHECK_EQ(ivsh_node_call(town[1], &call, IVSH_FOREVER), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_stream_open(town[1], &stream, 0, 20, buffer, 64), IVSH_EONEWAY);
	CHECK_EQ(world.slept_ns, 0);
	/* The others are as ever; and what the node receives from one hides nothing. */
	all[2] = 0;
	NEED_EQ(town_open(0, &options), 0);
	NEED_EQ(town_open(2, NULL), 0);
	NEED_EQ(ivsh_node_send(town[2], 0, 1, "c", 1, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'c');
	CHECK_EQ(m.peer, 2);
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
	call.peer = 2;
	CHECK_EQ(ivsh_node_call(town[0], &call, MS), IVSH_EAGAIN);
	/* The other way round. */
	all[1] = IVSH_RECEIVE_ONLY;
	world.is_short[0] = 0;
	NEED_EQ(town_open(0, &options), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, IVSH_FOREVER), IVSH_EONEWAY);
	NEED_EQ(ivsh_node_send(town[1], 0, 1, "b", 1, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'b');
	all[1] = 3;
	CHECK_EQ(town_open(0, &options), IVSH_EINVAL);
	/* By flags: all slots of which nothing else is said. */
	memset(all, 0, sizeof(all));
	all[2] = IVSH_SEND_ONLY;
	options.flags = IVSH_NODE_RECEIVE_ONLY;
	NEED_EQ(town_open(0, &options), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_send(town[0], 2, 1, "x", 1, 0), 0);
	options = (struct ivsh_node_options){.flags = IVSH_NODE_SEND_ONLY};
	NEED_EQ(town_open(0, &options), 0);
	CHECK_EQ(town_receive(0, &m), IVSH_EONEWAY);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), 0);
	options.flags |= IVSH_NODE_RECEIVE_ONLY;
	CHECK_EQ(town_open(0, &options), IVSH_EINVAL);
}

static const struct test tests[] = {
    {"message: by number", by_number},
    {"message: by name, and to all", by_name},
    {"message: refused", refused},
    {"message: deadlines", deadlines},
    {"message: a sleeper wakes", wakes},
    {"message: too large for the buffer", too_large},
    {"message: dropped", drop_large},
    {"message: a request, dropped", drop_request},
    {"message: dropped behind a reset", drop_after_reset},
    {"message: dropped from the inbox", drop_from_inbox},
    {"message: armed for a sleep", armed},
    {"message: a loss reported", loss_reported},
    {"message: peers in turn", in_turn},
    {"message: packed records in turn", records_in_turn},
    {"message: one takes no other's turn", past_the_turn},
    {"message: restarts", restarts},
    {"message: a lost slot", slot_lost},
    {"message: a part left out", part_left_out},
    {"message: a part that comes late", part_late},
    {"message: a part that comes late, by name", part_late_named},
    {"message: one-way", one_way},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
