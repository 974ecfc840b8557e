/* SPDX-License-Identifier: MIT */
/*
 * peer_test.c - the state of the other peers, as this one reads it.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct ivsh_region region;

static void attach(void)
{
	struct ivsh_mem mem;
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart, .counters = ivsh_attach_counters, .nonce = 5};

	world_format();
	mem = world_mem(0);
	CHECK_EQ(ivsh_region_attach(&region, &mem, &attach), 0);
}

static void presence(void)
{
	static const struct {
		const char *row;
		uint32_t state, epoch, word;
		enum ivsh_presence presence;
		enum ivsh_connection connection;
	} rows[] = {
	    {"never", 0, 0, 0, IVSH_PEER_ABSENT, IVSH_CONNECTION_UNKNOWN},
	    {"here, no server", 1, 0, 0, IVSH_PEER_ATTACHED, IVSH_CONNECTION_UNKNOWN},
	    {"here, no server, stale word", 1, 0, 2, IVSH_PEER_ATTACHED, IVSH_CONNECTION_UNKNOWN},
	    {"here, not seen yet", 1, 7, 0, IVSH_PEER_ATTACHED, IVSH_CONNECTION_UNKNOWN},
	    {"here and connected", 1, 7, 1, IVSH_PEER_ATTACHED, IVSH_CONNECTION_UP},
	    {"killed", 1, 7, 2, IVSH_PEER_GONE, IVSH_CONNECTION_DOWN},
	    {"came back", 1, 7, 3, IVSH_PEER_ATTACHED, IVSH_CONNECTION_UP},
	    {"left", 2, 7, 2, IVSH_PEER_ABSENT, IVSH_CONNECTION_DOWN},
	    {"boots", 2, 7, 3, IVSH_PEER_ABSENT, IVSH_CONNECTION_UP},
	    {"nonsense", 77, 7, 1, IVSH_PEER_BROKEN, IVSH_CONNECTION_UP},
	    {"nonsense, down", 3, 7, 2, IVSH_PEER_BROKEN, IVSH_CONNECTION_DOWN},
	    {"nonsense, no server", UINT32_MAX, 0, 0, IVSH_PEER_BROKEN, IVSH_CONNECTION_UNKNOWN},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_peer peer = {0};

		test_row(rows[i].row);
		attach();
		world_slot(1)->state = rows[i].state;
		world_slot(1)->incarnation = rows[i].state != IVSH_WIRE_STATE_EMPTY;
		world_server()->epoch = rows[i].epoch;
		world_server()->connection[1] = rows[i].word;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, rows[i].presence);
		CHECK_EQ(peer.connection, rows[i].connection);
	}
}

/*
 * A slot that no peer leaves so is neither empty, nor taken, nor left: it is broken until its words
 * are possible again. SPEC R5.3.4.
 */
static void impossible(void)
{
	struct ivsh_peer peer = {0};

	attach();
	for (uint32_t state = 0; state < 5; state++) {
		bool is_possible = state == IVSH_WIRE_STATE_EMPTY;

		world_slot(1)->state = state;
		world_slot(1)->incarnation = 0;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, is_possible ? IVSH_PEER_ABSENT : IVSH_PEER_BROKEN);
		world_slot(1)->incarnation = 9;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, state > 2    ? IVSH_PEER_BROKEN
					: state == 1 ? IVSH_PEER_ATTACHED
						     : IVSH_PEER_ABSENT);
	}
}

/* SPEC R5.4. */
static void silence(void)
{
	struct ivsh_peer peer = {0};
	uint32_t before;

	attach();
	world_slot(1)->state = IVSH_WIRE_STATE_ATTACHED;
	world_slot(1)->incarnation = 1;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	before = world_slot(0)->heartbeat;
	world.now_ns += 2000000000;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	/* A peer that only polls shows that it lives, too. */
	CHECK(world_slot(0)->heartbeat != before);
	CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
	CHECK_EQ(peer.silent_ns, 2000000000);
	world.now_ns += 2;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(peer.presence, IVSH_PEER_SILENT);
	/* The same incarnation may return. */
	world_slot(1)->heartbeat++;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
	CHECK_EQ(peer.silent_ns, 0);
}

/* A clock may start at zero: the first read shows no long silence. */
static void clock_zero(void)
{
	struct ivsh_peer peer = {0};

	attach();
	world.now_ns = 0;
	world_slot(1)->state = IVSH_WIRE_STATE_ATTACHED;
	world_slot(1)->incarnation = 1;
	world_server()->epoch = 7;
	world_server()->connection[1] = 1;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
	CHECK_EQ(peer.connection, IVSH_CONNECTION_UP);
	CHECK_EQ(peer.silent_ns, 0);
}

/* A server that was killed does not vouch for the living for ever. SPEC R4.3. */
static void server_stops(void)
{
	struct ivsh_peer peer = {0};

	attach();
	world_slot(1)->state = IVSH_WIRE_STATE_ATTACHED;
	world_slot(1)->incarnation = 1;
	world_server()->epoch = 7;
	world_server()->connection[1] = 1;
	for (unsigned i = 0; i < 8; i++) {
		world_server()->heartbeat++;
		world_slot(1)->heartbeat++;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.connection, IVSH_CONNECTION_UP);
		world.now_ns += 900000000;
	}
	world.now_ns += 200000000;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(peer.connection, IVSH_CONNECTION_UNKNOWN);
	/* After a restart of the server the silence counts from the first read. */
	world_server()->epoch = 8;
	CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
	CHECK_EQ(peer.connection, IVSH_CONNECTION_UP);
}

/*
 * A migration copies the slots of peers that stayed behind: while the server lives, an incarnation
 * of another server epoch is suspected after 500 ms. SPEC R5.4.4.
 */
static void left_behind(void)
{
	static const struct {
		const char *row;
		uint32_t epoch, server;
		bool lives;
		uint64_t limit_ns;
	} rows[] = {
	    {"another epoch", 6, 7, true, 500000000},
	    {"the server's epoch", 7, 7, true, 2000000000},
	    {"attached without a server", 0, 7, true, 2000000000},
	    {"the server has stopped", 6, 7, false, 2000000000},
	    {"no server", 6, 0, true, 2000000000},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_peer peer = {0};

		test_row(rows[i].row);
		attach();
		world_slot(1)->state = IVSH_WIRE_STATE_ATTACHED;
		world_slot(1)->incarnation = 1;
		world_slot(1)->server_epoch = rows[i].epoch;
		world_server()->epoch = rows[i].server;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		world.now_ns += rows[i].lives ? 0 : 1500000000;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		world_server()->heartbeat += rows[i].lives;
		world_slot(1)->heartbeat++;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		world.now_ns += rows[i].limit_ns;
		world_server()->heartbeat += rows[i].lives;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
		world.now_ns += 2;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, IVSH_PEER_SILENT);
		/* It was only slow. */
		world_slot(1)->heartbeat++;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(peer.presence, IVSH_PEER_ATTACHED);
	}
}

/* SPEC R5.7. */
static void names(void)
{
	static const struct {
		const char *row;
		const char *written; /* 32 bytes */
		uint32_t generation;
		const char *read;
	} rows[] = {
	    {"plain", "beta\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 2, "beta"},
	    {"being written", "beta\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 3,
		""},
	    {"escape sequence",
		"\x1b[2J\x9b\xff\x7f!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 2,
		"?[2J??\?!"},
	    {"no end", "abcdefghijklmnopqrstuvwxyzabcdef", 2, "abcdefghijklmnopqrstuvwxyzabcde"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_peer peer = {0};

		test_row(rows[i].row);
		attach();
		memcpy(world_slot(1)->name, rows[i].written, 32);
		world_slot(1)->sequence = rows[i].generation;
		CHECK_EQ(ivsh_region_peer(&region, 1, &peer), 0);
		CHECK_EQ(strcmp(peer.name, rows[i].read), 0);
	}
}

/* SPEC R5.5. */
static void counters(void)
{
	struct ivsh_counters c;
	struct end end;

	world_format();
	NEED_EQ(end_open(&end, 1, 0, false), 0);
	CHECK_EQ(ivsh_chan_send(&end.chan, 1, "x", 1), 0);
	CHECK_EQ(world_wait(&end.region, 1), 0);
	end_kill(&end);
	attach(); /* formats: the counters are of the region, not of the peer */
	CHECK_EQ(ivsh_region_counters(&region, 1, &c), 0);
	CHECK_EQ(c.sent, 0);

	world_format();
	NEED_EQ(end_open(&end, 1, 0, false), 0);
	CHECK_EQ(ivsh_chan_send(&end.chan, 1, "x", 1), 0);
	CHECK_EQ(world_wait(&end.region, 1), 0);
	region = end.region;
	end_kill(&end);
	CHECK_EQ(ivsh_region_counters(&region, 1, &c), 0);
	CHECK_EQ(c.sent, 1);
	CHECK_EQ(c.notifications_suppressed, 1);
	CHECK_EQ(c.errors, 0);
}

static void out_of_range(void)
{
	struct ivsh_peer peer = {0};
	struct ivsh_counters c;

	attach();
	CHECK_EQ(ivsh_region_peer(&region, WORLD_SLOTS, &peer), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_peer(&region, UINT32_MAX, &peer), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_counters(&region, WORLD_SLOTS, &c), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_counters(&region, WORLD_SLOTS - 1, &c), 0);
}

static const struct test tests[] = {
    {"presence", presence},
    {"impossible words", impossible},
    {"silence", silence},
    {"clock at zero", clock_zero},
    {"server stops", server_stops},
    {"peers left behind by a migration", left_behind},
    {"names", names},
    {"counters of the dead", counters},
    {"out of range", out_of_range},
};

int main(void)
{
	return test_main("peer", tests, sizeof(tests) / sizeof(tests[0]));
}
