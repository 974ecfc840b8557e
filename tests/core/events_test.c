/* SPDX-License-Identifier: MIT */
/*
 * events_test.c - the events of other peers that are reported: up, down, restarted, lost.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static struct ivsh_peer peers[WORLD_SLOTS];
static uint8_t in[8192];

static void open_one(void)
{
	world_format();
	memset(peers, 0, sizeof(peers));
	CHECK_EQ(end_open(&a, 0, 1, false), 0);
}

/* The next event, as 10 * slot + kind; 0: none; or an error. */
static int event(void)
{
	struct ivsh_peer_event event;
	int error = ivsh_region_peer_event(&a.region, peers, WORLD_SLOTS, &event);

	if (error)
		return error == IVSH_EAGAIN ? 0 : error;
	return (int)(event.slot * 10 + event.kind);
}

/* The same, after the time in which no slot is read. */
static int event_later(void)
{
	world.now_ns += IVSH_PEER_EVENT_NS;
	return event();
}

static void server_run(uint32_t slot, uint32_t word)
{
	world_server()->epoch = 7;
	world_server()->connection[slot] = word;
	world_server()->change++;
	world_server()->heartbeat++;
}

/*
 * Without a server: an attach, a detach and another incarnation show in the next round. SPEC R5.10.
 */
static void comes_and_goes(void)
{
	open_one();
	CHECK_EQ(event(), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	/* Not yet: not every call reads all slots. */
	CHECK_EQ(event(), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(peers[1].incarnation, 1);
	CHECK_EQ(event_later(), 0);
	ivsh_chan_close(&b.chan);
	ivsh_region_detach(&b.region);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(peers[1].presence, IVSH_PEER_ABSENT);
	CHECK_EQ(event_later(), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_UP);
	/* Killed and back between two rounds. */
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_RESTARTED);
	CHECK_EQ(peers[1].incarnation, 3);
	CHECK_EQ(event_later(), 0);
}

/*
 * Without a server a death shows by silence, and the same incarnation may return. SPEC R5.4, R5.10.
 */
static void silence(void)
{
	open_one();
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_UP);
	for (unsigned i = 0; i < 20; i++) {
		CHECK_EQ(world_wait(&b.region, 1), 0);
		CHECK_EQ(event_later(), 0);
	}
	world.now_ns += IVSH_HEARTBEAT_LIMIT_NS - IVSH_PEER_EVENT_NS;
	CHECK_EQ(event_later(), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(peers[1].presence, IVSH_PEER_SILENT);
	CHECK_EQ(world_wait(&b.region, 1), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(peers[1].incarnation, 1);
}

/* With a server: at once, without any time passing. SPEC R4.2, R5.10. */
static void server_sees(void)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP};
	uint32_t events;

	open_one();
	server_run(1, 1);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(event(), 0);
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	server_run(1, 2);
	NEED_EQ(ivsh_region_wait(&a.region, &wait, 1000, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(peers[1].presence, IVSH_PEER_GONE);
	/* The machine boots again: connected, and not there before it attaches. SPEC R5.9. */
	server_run(1, 3);
	CHECK_EQ(event(), 0);
	CHECK_EQ(peers[1].connection, IVSH_CONNECTION_UP);
	CHECK_EQ(peers[1].presence, IVSH_PEER_GONE);
	end_kill(&b);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_UP);
	/* Killed and connected again before a round: another incarnation. */
	server_run(1, 4);
	server_run(1, 5);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(event(), 0);
}

/* Which incarnation a connection word is about. SPEC R5.9. */
static void which_life(void)
{
	static const struct {
		const char *row;
		uint32_t epoch, word, slot_epoch, slot_word;
		enum ivsh_presence presence;
	} rows[] = {
	    {"its own", 7, 3, 7, 3, IVSH_PEER_ATTACHED},
	    {"its socket went", 7, 4, 7, 3, IVSH_PEER_GONE},
	    {"another's", 7, 5, 7, 3, IVSH_PEER_GONE},
	    {"another server's", 7, 1, 6, 3, IVSH_PEER_ATTACHED},
	    {"attached without one", 7, 1, 0, 0, IVSH_PEER_ATTACHED},
	    {"no server any more", 0, 0, 6, 3, IVSH_PEER_ATTACHED},
	    {"not known", 7, 0, 7, 3, IVSH_PEER_ATTACHED},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_peer peer = {0};

		test_row(rows[i].row);
		open_one();
		world_server()->epoch = rows[i].epoch;
		world_server()->connection[1] = rows[i].word;
		world_slot(1)->state = IVSH_WIRE_STATE_ATTACHED;
		world_slot(1)->incarnation = 1;
		world_slot(1)->server_epoch = rows[i].slot_epoch;
		world_slot(1)->connection = rows[i].slot_word;
		CHECK_EQ(ivsh_region_peer(&a.region, 1, &peer), 0);
		CHECK_EQ(peer.presence, rows[i].presence);
	}
	/* An incarnation stores the connection word that it attaches with. */
	server_run(1, 9);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(world_slot(1)->server_epoch, 7);
	CHECK_EQ(world_slot(1)->connection, 9);
}

/* The words of a server that was killed do not count: the heartbeats do. SPEC R4.3. */
static void server_dies(void)
{
	open_one();
	server_run(1, 1);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_UP);
	for (unsigned i = 0; i < 300; i++) {
		CHECK_EQ(world_wait(&b.region, 1), 0);
		CHECK_EQ(event_later(), 0);
	}
	CHECK_EQ(peers[1].connection, IVSH_CONNECTION_UNKNOWN);
	world.now_ns += IVSH_HEARTBEAT_LIMIT_NS + 2;
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_DOWN);
}

/* A reset is reported to each side of its ring, once. SPEC R6.5, R5.10. */
static void lost(void)
{
	struct ivsh_message message;

	open_one();
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_UP);
	world_ring(1, 0).sender->generation = 3;
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EAGAIN);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_LOST);
	CHECK_EQ(event(), 0);
	world_ring(1, 0).sender->generation = 4;
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EAGAIN);
	world_ring(1, 0).sender->generation = 5;
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EAGAIN);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_LOST);
	CHECK_EQ(event(), 0);
	CHECK_EQ(a.chan.lost, 3);
	CHECK_EQ(world_wait(&a.region, 1), 0);
	CHECK_EQ(world_slot(0)->lost, 3);
	/* If an incarnation followed a reset but did not report it, the next one does. A reported
	 * reset is not reported again. */
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(event(), 0);
	world_ring(1, 0).sender->generation = 6;
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EAGAIN);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(ivsh_chan_peek(&a.chan, &message), IVSH_EAGAIN);
	CHECK_EQ(a.chan.lost, 1);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_LOST);
	/* The same for a sender. */
	world_ring(0, 1).receiver->reset_request = 1;
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), IVSH_EAGAIN);
	world_ring(0, 1).receiver->read = world_ring(0, 1).sender->start;
	world_ring(0, 1).receiver->generation_ack = world_ring(0, 1).sender->generation;
	CHECK_EQ(ivsh_chan_send(&a.chan, 1, "x", 1), 0);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(event(), 10 + IVSH_PEER_EVENT_LOST);
	end_kill(&a);
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	CHECK_EQ(event(), 0);
}

/* All at once: each event is reported, one by one, in the order of the slots, and then none. */
static void many(void)
{
	static struct end ends[WORLD_SLOTS];

	open_one();
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		NEED_EQ(end_open(&ends[i], i, 0, false), 0);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		CHECK_EQ(event(), i * 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(event(), 0);
	world.now_ns += IVSH_PEER_EVENT_NS;
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		ivsh_region_detach(&ends[i].region);
	for (uint32_t i = 1; i < WORLD_SLOTS; i++)
		CHECK_EQ(event(), i * 10 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(event_later(), 0);
}

static void refuses(void)
{
	struct ivsh_peer_event one;

	open_one();
	CHECK_EQ(ivsh_region_peer_event(&a.region, peers, WORLD_SLOTS - 1, &one), IVSH_EINVAL);
	ivsh_region_detach(&a.region);
	CHECK_EQ(ivsh_region_peer_event(&a.region, peers, WORLD_SLOTS, &one), IVSH_ELOST);
	/* Random words: an event is reported or not, and each call ends. SPEC R9.1. */
	open_one();
	{
		uint32_t seed = 5;

		for (unsigned i = 0; i < 20000; i++) {
			/* The server page, and the slots but its own. */
			uint32_t at = world_random(&seed) % (4096 + 2048 * (WORLD_SLOTS - 1));
			uint8_t *byte = (uint8_t *)world_server() + at;

			if (at >= 4096)
				byte = (uint8_t *)world_slot(at / 2048 - 1) + at % 2048;
			*byte = (uint8_t)world_random(&seed);
			world.now_ns += world_random(&seed) * 10;
			CHECK(event() >= 0);
		}
	}
	CHECK_EQ(ivsh_chan_peek(&a.chan, &(struct ivsh_message){.data = in}), IVSH_EAGAIN);
}

/* A slot's peer restores words that another has written over. SPEC R9.5.4. */
static void mended(void)
{
	struct ivsh_wire_slot *slot = world_slot(1);
	struct ivsh_wire_slot before;

	open_one();
	server_run(1, 3);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	CHECK_EQ(event_later(), 10 + IVSH_PEER_EVENT_UP);
	before = *slot;
	slot->state = 77;
	slot->incarnation = 88;
	slot->vectors = 99;
	slot->server_epoch = 5;
	slot->connection = 6;
	slot->sequence |= 1;
	CHECK_EQ(world_wait(&b.region, 1000000), 0);
	CHECK_EQ(slot->state, before.state);
	CHECK_EQ(slot->incarnation, before.incarnation);
	CHECK_EQ(slot->vectors, before.vectors);
	CHECK_EQ(slot->server_epoch, 7);
	CHECK_EQ(slot->connection, 3);
	CHECK_EQ(slot->sequence % 2, 0);
	CHECK_EQ(event_later(), 0);
	/* A peer that has lost the slot writes nothing there. SPEC R5.6.2. */
	slot->nonce++;
	slot->incarnation = 88;
	CHECK_EQ(world_wait(&b.region, 1000000), IVSH_ELOST);
	CHECK_EQ(slot->incarnation, 88);
}

static const struct test tests[] = {
    {"comes and goes", comes_and_goes},
    {"silence", silence},
    {"server sees", server_sees},
    {"which life", which_life},
    {"server dies", server_dies},
    {"messages lost", lost},
    {"many at once", many},
    {"refuses", refuses},
    {"mended", mended},
};

int main(void)
{
	return test_main("events", tests, sizeof(tests) / sizeof(tests[0]));
}
