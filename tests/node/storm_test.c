/* SPDX-License-Identifier: MIT */
/*
 * storm_test.c - nodes, while a hostile peer writes between any two of their accesses. SPEC R9.1,
 * R9.3, R14.3.
 *
 * Two innocents, slots 0 and 2, send, call and stream to each other and to slot 1. Slot 1 writes
 * its own words: then the innocents' messages to each other arrive as ever. Or it writes anywhere:
 * then no call crashes, reads outside, goes on without end, or answers an error that node.h does
 * not name.
 *
 * usage: storm_test [--replay own|any SEED WRITE...]
 */
#include "tests/lib/hostile_peer.h"
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <stdlib.h>
#include <string.h>

#define PORT_NUMBERS 1u
#define PORT_STREAM 40u
#define CASE_STEPS 400u
#define MS UINT64_C(1000000)

#define AGAIN (1u << -IVSH_EAGAIN)
#define INVAL (1u << -IVSH_EINVAL)
#define NODEV (1u << -IVSH_ENODEV)
#define NOSPC (1u << -IVSH_ENOSPC)
#define VERSION (1u << -IVSH_EVERSION)
#define PROTO (1u << -IVSH_EPROTO)
#define PEER (1u << -IVSH_EPEER)
#define BUSY (1u << -IVSH_EBUSY)
#define READONLY (1u << -IVSH_EREADONLY)
#define LOST (1u << -IVSH_ELOST)

/*
 * Accesses of one call that does not wait: 64 messages, and polls of all rings, each with a reset.
 */
#define MOST 250000u

/* An innocent's side of its dealings with one peer. */
struct side {
	struct ivsh_call call;
	struct ivsh_node_stream stream;
	bool streaming;
	bool skipped; /* what was in the inbox went with the last incarnation */
	uint32_t put, expect;
	uint8_t buffer[256], reply[64];
};

static struct side sides[2][2]; /* of slots 0 and 2: with the other innocent, with slot 1 */
static bool own;                /* slot 1 keeps to its own words */

static void must(bool good, const char *what, long long got)
{
	if (!good)
		hostile_fail(what, got);
}

/* A call that may answer 0 or (errors). */
static int done(const char *what, uint32_t errors, int error)
{
	uint32_t made = hostile_accesses();

	hostile_step();
	must(made <= MOST, what, made);
	/* Slot 1 has written over the header of its part. */
	if (world_is_split())
		errors |= 1u << -IVSH_EPART;
	errors |= 1u << -IVSH_EONEWAY;
	must(error == 0 || (error < 0 && error > -31 && (errors & 1u << -error)), what, error);
	return error;
}

#define CALL(errors, expression) (hostile_call(), done(#expression, errors, expression))

static uint32_t slot_of(uint32_t i)
{
	return 2 * i;
}

/* Of innocent (i): with the other one, or with slot 1. */
static uint32_t peer_of(uint32_t i, uint32_t with)
{
	return with ? 1 : 2 - slot_of(i);
}

static void forget(uint32_t i)
{
	for (uint32_t with = 0; with < 2; with++) {
		sides[i][with].call.begun = false;
		sides[i][with].streaming = false;
	}
}

static void open_one(uint32_t i)
{
	struct ivsh_node_options options = {
	    .name = "innocent", .timeout_ns = 20 * MS, .spin_ns = 1000};
	int error;

	forget(i);
	town[slot_of(i)] = NULL;
	error = CALL(INVAL | NODEV | NOSPC | VERSION | PROTO | BUSY | READONLY | LOST,
	    town_open(slot_of(i), &options));
	must(!own || error == 0, "open", error);
	if (error) {
		struct ivsh_geometry geometry = {WORLD_SLOTS, TOWN_DESCS, 4096, 8192, 0};

		/* Slot 1 has overwritten the header: it must be restored. */
		CALL(BUSY | READONLY, world_format_again(&geometry, true));
		town[slot_of(i)] = NULL;
	}
}

/* A number from the other innocent: each once, in order, or marked. */
static void check(uint32_t i, const struct ivsh_node_message *m)
{
	struct side *side = &sides[i][0];
	uint32_t n;

	must(m->size <= sizeof(town_in), "size", m->size);
	if (!own || m->peer != peer_of(i, 0) || m->port != PORT_NUMBERS || m->request)
		return;
	must(m->size >= sizeof(n), "a number's size", m->size);
	memcpy(&n, town_in, sizeof(n));
	if (side->skipped && n > side->expect)
		side->expect = n;
	side->skipped &= n != side->expect;
	must(n == side->expect || (n < side->expect && (m->flags & IVSH_MAYBE_SEEN)),
	    "not the next number", (long long)n - side->expect);
	for (uint32_t at = sizeof(n); at < m->size; at++)
		must(town_in[at] == (uint8_t)(n + at), "a byte of a message", town_in[at]);
	side->expect = n + 1 > side->expect ? n + 1 : side->expect;
}

static void receive(uint32_t i, uint32_t dice)
{
	struct ivsh_node *node = town[slot_of(i)];
	struct ivsh_node_message m;
	uint32_t capacity = dice % 8 == 0 ? dice % 64 : sizeof(town_in);

	if (CALL(AGAIN | NOSPC | LOST, ivsh_node_receive(node, &m, town_in, capacity, 0)))
		return;
	check(i, &m);
	if (m.request)
		CALL(AGAIN | PROTO | LOST, ivsh_node_reply(node, &m, town_in, 0, 0));
}

static void send(uint32_t i, uint32_t with, uint32_t dice)
{
	uint8_t data[1500];
	struct side *side = &sides[i][with];
	uint32_t size = sizeof(side->put) + dice % (dice & 256 ? 8 : 1400);
	int error;

	memcpy(data, &side->put, sizeof(side->put));
	for (uint32_t at = sizeof(side->put); at < size; at++)
		data[at] = (uint8_t)(side->put + at);
	error = CALL(AGAIN | PROTO | LOST, ivsh_node_send(town[slot_of(i)], peer_of(i, with),
					       PORT_NUMBERS, data, size, dice % 5 ? 0 : MS));
	must(!own || with || error == 0 || error == IVSH_EAGAIN, "a safe send", error);
	side->put += error == 0;
}

static void call(uint32_t i, uint32_t with, uint32_t dice)
{
	struct ivsh_node *node = town[slot_of(i)];
	struct side *side = &sides[i][with];

	if (!side->call.begun)
		side->call = (struct ivsh_call){.peer = peer_of(i, with),
		    .port = 9,
		    .data = "?",
		    .size = 1,
		    .buffer = side->reply,
		    .capacity = dice % sizeof(side->reply)};
	if (dice % 16 == 0) {
		hostile_call();
		ivsh_node_call_end(node, &side->call);
	} else if (dice % 16 == 1 && !side->call.begun) {
		CALL(AGAIN | PROTO | PEER | NOSPC | LOST, ivsh_node_call(node, &side->call, MS));
	} else {
		CALL(AGAIN | PROTO | PEER | NOSPC | LOST, ivsh_node_call_poll(node, &side->call));
	}
	must(side->call.got <= 8192, "a reply's size", side->call.got);
}

static void stream(uint32_t i, uint32_t with, uint32_t dice)
{
	static uint8_t bytes[600];
	struct side *side = &sides[i][with];
	uint32_t size = 0;
	int error;

	if (!side->streaming) {
		error = CALL(PROTO | LOST,
		    ivsh_node_stream_open(town[slot_of(i)], &side->stream, peer_of(i, with),
			PORT_STREAM, side->buffer, sizeof(side->buffer)));
		side->streaming = error == 0;
		return;
	}
	if (dice % 4 == 0)
		error = CALL(AGAIN | PEER | PROTO | NOSPC | LOST,
		    ivsh_node_stream_write(&side->stream, bytes, dice % 600, &size, 0));
	else if (dice % 32 == 1)
		error = IVSH_EPEER;
	else
		error = CALL(AGAIN | PEER | PROTO | NOSPC | LOST,
		    ivsh_node_stream_read(&side->stream, bytes, 1 + dice % 500, &size, 0));
	must(size <= sizeof(bytes), "a stream's size", size);
	if (error && error != IVSH_EAGAIN) {
		hostile_call();
		ivsh_node_stream_close(&side->stream);
		side->streaming = false;
	}
}

static void others(uint32_t i, uint32_t dice)
{
	struct ivsh_node *node = town[slot_of(i)];
	struct ivsh_peer_event event;
	uint32_t peer, events;
	uint16_t port;

	switch (dice % 7) {
	case 0:
		if (CALL(AGAIN | LOST, ivsh_node_next_event(node, &event, 0)) == 0)
			must(event.slot < WORLD_SLOTS &&
				 (!own || event.slot == 1 || event.kind < IVSH_PEER_EVENT_LOST),
			    "an event", event.kind);
		break;
	case 1:
		CALL(LOST, ivsh_node_wait(node, dice % 2 ? MS : 0, &events));
		break;
	case 2:
		CALL(NODEV | LOST, ivsh_node_find(node, "innocent", &peer, 0));
		break;
	case 3:
		CALL(NODEV | LOST, ivsh_node_find_service(node, "none", &peer, &port, 0));
		break;
	case 4:
		CALL(NOSPC | LOST, ivsh_node_offer(node, "numbers", PORT_NUMBERS));
		break;
	default:
		world.now_ns += (dice >> 4) % 50000000;
	}
}

/* The node of (i) goes, in whatever way, and its inbox with it. */
static struct ivsh_node *leave(uint32_t i)
{
	struct ivsh_node *node = town[slot_of(i)];

	sides[i][0].skipped |= node->inbox_first != node->inbox_end;
	return node;
}

static void step(uint32_t dice)
{
	uint32_t i = dice & 1, with = dice >> 1 & 1;

	dice = hostile_random();
	if (!town[slot_of(i)] || !town[slot_of(i)]->region.attached) {
		open_one(i);
	} else if (dice % 301 == 0) { /* it is killed, and starts again */
		(void)leave(i);
		town_kill(slot_of(i));
		open_one(i);
	} else if (dice % 307 == 0) {
		hostile_call();
		ivsh_node_close(leave(i));
		town[slot_of(i)] = NULL;
	} else if (dice % 16 < 4) {
		send(i, with, dice >> 4);
	} else if (dice % 16 < 9) {
		receive(i, dice >> 4);
	} else if (dice % 16 < 12) {
		call(i, with, dice >> 4);
	} else if (dice % 16 < 14) {
		stream(i, with, dice >> 4);
	} else {
		others(i, dice >> 4);
	}
}

/* A plausible descriptor, and now and then the header of a call. */
static uint64_t guess(uint64_t offset, uint32_t dice)
{
	static const uint16_t ports[] = {
	    PORT_NUMBERS, PORT_STREAM, PORT_STREAM + 1, IVSH_PORT_CALL};
	const struct ivsh_node *node = town[slot_of(dice & 1)];
	uint32_t index = node ? node->chans[1].rx.read : 0;
	uint64_t wrap = (index + (dice >> 3) % 3) / TOWN_DESCS + 1, kind = dice >> 5 & 3;

	if (offset % 16 != 0)
		return (dice >> 7) % 128 * 64;
	if (dice % 8 == 0)
		return 1 + (dice >> 3) % 2;
	return wrap << 48 | (uint64_t)ports[dice >> 7 & 3] << 32 | (uint64_t)(dice >> 9 & 1) << 30 |
	       kind << 28 | (dice & 0x400 ? 24 : (dice >> 11) % 5000);
}

/* Polling takes time: a peer that slot 1 keeps busy reaches the end of a wait, too. */
static void pass(uint64_t offset, uint32_t size)
{
	(void)offset;
	(void)size;
	world.now_ns += 20;
}

static struct hostile_range ranges[64];
static struct hostile_peer hostile = {.ranges = ranges, .guess = guess, .tempt = pass};

static void allow(const void *from, uint64_t size)
{
	ranges[hostile.range_count].offset = (uint64_t)((const uint8_t *)from - world.memory);
	ranges[hostile.range_count++].size = size;
}

/* SPEC R1.1: the words that slot 1 may write. */
static void allow_own(void)
{
	hostile.range_count = 0;
	/* In a split region all of its part, also what it has no business to write there. */
	if (world_is_split()) {
		allow((uint8_t *)world_slot(1) - IVSH_WIRE_PART_SLOT_OFFSET(1), 64);
		allow((uint8_t *)world_slot(1) - IVSH_WIRE_PART_SLOT_OFFSET(1),
		    world_offset(world_slot(2)) - world_offset(world_slot(1)));
	}
	allow(world_slot(1), offsetof(struct ivsh_wire_slot, pending));
	for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
		if (slot == 1)
			continue;
		allow(world_pending(1, slot), 1);
		for (unsigned i = slot == 0 || slot == 2 ? 4 : 1; i > 0; i--) {
			allow(world_ring(1, slot).sender, sizeof(struct ivsh_wire_sender));
			allow(world_ring(1, slot).desc, WORLD_RING - sizeof(struct ivsh_wire_ring));
			allow(world_ring(slot, 1).receiver, sizeof(struct ivsh_wire_receiver));
		}
	}
}

static void allow_any(void)
{
	hostile.range_count = 0;
	allow(world.memory, WORLD_SIZE);
	allow(world.memory, 8192);
	for (uint32_t slot = 0; slot < 3; slot++) {
		allow(world_slot(slot), 0x300);
		for (uint32_t to = 0; to < 3; to++)
			if (to != slot)
				allow(world_ring(slot, to).sender, 8192);
	}
}

static void storm(void)
{
	town_reset();
	memset(sides, 0, sizeof(sides));
	hostile.memory = world.memory;
	hostile.offset = world_offset;
	hostile.rate = 1u << hostile_random() % 10;
	if (own)
		allow_own();
	else
		allow_any();
	hostile_set(&hostile);
	for (unsigned i = 0; i < CASE_STEPS; i++)
		step(hostile_random() >> 5);
	hostile_set(NULL);
}

static uint64_t steps(void)
{
	return getenv("IVSH_SOAK") ? 1000000 : 60000;
}

static void own_words(void)
{
	own = true;
	CHECK(hostile_run("own", storm, 1, steps()));
}

static void any_words(void)
{
	own = false;
	CHECK(hostile_run("any", storm, 1, steps()));
}

/* Slot 1 spoils what the sender reads of it, each time as a new incarnation. */
static void break_again(uint64_t offset, uint32_t size)
{
	const struct ring ring = world_ring(0, 1);

	pass(offset, size);
	world_slot(1)->incarnation++;
	ring.receiver->generation_ack = ring.sender->generation;
	ring.receiver->read = ring.sender->start + 1;
}

/* A send to it ends, with and without a timeout. */
static void sends(void)
{
	static const uint64_t timeouts[] = {0, MS / 100, IVSH_FOREVER};

	town_reset();
	memset(sides, 0, sizeof(sides));
	NEED_EQ(town_open(1, NULL), 0);
	NEED_EQ(town_open(0, NULL), 0);
	hostile.memory = world.memory;
	hostile.offset = world_offset;
	hostile.range_count = hostile.rate = 0;
	hostile.tempt = break_again;
	hostile_set(&hostile);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned turn = 0; turn < 70; turn++)
			CALL(AGAIN | PROTO, ivsh_node_send(town[0], 1, 1, "x", 1, timeouts[i]));
	hostile_set(NULL);
	hostile.tempt = pass;
}

static void prolonged(void)
{
	own = true;
	CHECK(hostile_run("prolonged", sends, 1, 200));
}

/* Slot 1 is another incarnation as soon as the request stands in its ring. */
static void restart_behind(uint64_t offset, uint32_t size)
{
	pass(offset, size);
	if (world_desc(0, 1, 0)->control != 0)
		world_slot(1)->incarnation = 77;
}

static void asks(void)
{
	struct ivsh_call ask = {.peer = 1, .port = 9};
	int error;

	town_reset();
	NEED_EQ(town_open(1, NULL), 0);
	NEED_EQ(town_open(0, NULL), 0);
	hostile.memory = world.memory;
	hostile.offset = world_offset;
	hostile.range_count = hostile.rate = 0;
	hostile.tempt = restart_behind;
	hostile_set(&hostile);
	error = CALL(AGAIN | PEER, ivsh_node_call_poll(town[0], &ask));
	hostile_set(NULL);
	hostile.tempt = pass;
	must(error == IVSH_EPEER, "a call to the incarnation before", error);
}

/* SPEC R14.4. */
static void asked_before(void)
{
	own = true;
	CHECK(hostile_run("asked", asks, 1, 1));
}

static const struct test tests[] = {
    {"it writes its own words", own_words},
    {"it writes anywhere", any_words},
    {"it prolongs no send", prolonged},
    {"it is asked, and starts again", asked_before},
};

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "--replay") == 0) {
		own = strcmp(argv[2], "own") == 0;
		hostile_replay(storm, argv + 3);
		return 0;
	}
	return test_main("node storm", tests, sizeof(tests) / sizeof(tests[0]));
}
