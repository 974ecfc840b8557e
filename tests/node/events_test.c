/* SPDX-License-Identifier: MIT */
/*
 * events_test.c - the peer events of a node, channels that break, and services.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#define MS UINT64_C(1000000)

static void open_two(void)
{
	town_reset();
	CHECK_EQ(town_open(0, NULL), 0);
	CHECK_EQ(town_open(1, NULL), 0);
}

/* The next event of slot 0, as 10 * slot + kind; 0: nothing; or an error. */
static int next(uint64_t timeout_ns)
{
	struct ivsh_peer_event event;
	int error = ivsh_node_next_event(town[0], &event, timeout_ns);

	if (error)
		return error == IVSH_EAGAIN ? 0 : error;
	return (int)(event.slot * 10 + event.kind);
}

/* --- Slot 2, while slot 0 sleeps ------------------------------------------------------------- */

static void come(void)
{
	world.on_sleep = NULL;
	CHECK_EQ(town_open(2, NULL), 0);
}

static void leave(void)
{
	world.on_sleep = NULL;
	town_close(2);
}

static void restart(void)
{
	world.on_sleep = NULL;
	town_kill(2);
	CHECK_EQ(town_open(2, NULL), 0);
}

static void offer(void)
{
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_node_offer(town[1], "clock", 77), 0);
}

/* --- Cases ---------------------------------------------------------------------------------- */

/* Waits for an event, and answers it. SPEC R5.10. */
static void comes_and_goes(void)
{
	uint64_t start;

	open_two();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(next(0), 0);
	start = world.now_ns;
	CHECK_EQ(next(50 * MS), 0);
	CHECK_EQ(world.now_ns - start, 50 * MS);
	world.on_sleep = come;
	CHECK_EQ(next(IVSH_FOREVER), 20 + IVSH_PEER_EVENT_UP);
	world.on_sleep = restart;
	CHECK_EQ(next(IVSH_FOREVER), 20 + IVSH_PEER_EVENT_RESTARTED);
	world.on_sleep = leave;
	CHECK_EQ(next(IVSH_FOREVER), 20 + IVSH_PEER_EVENT_DOWN);
	CHECK_EQ(town[0]->peers[2].presence, IVSH_PEER_ABSENT);
	world_slot(0)->nonce++;
	CHECK_EQ(next(IVSH_FOREVER), IVSH_ELOST);
}

/* Send from slot 1, and spoil what was sent: slot 0 finds it broken, and resets the ring. */
static void spoil(void)
{
	struct ivsh_node_message m;

	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "spoiled", 7, 0), 0);
	world_desc(1, 0, town[1]->chans[0].tx.head - 1)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(town_receive(0, &m), IVSH_EAGAIN);
}

/* Both sides poll until the ring is in step again. */
static void settle(void)
{
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(ivsh_node_wait(town[1], 0, NULL), 0);
		CHECK_EQ(ivsh_node_wait(town[0], 0, NULL), 0);
	}
}

/* A channel that breaks is reset, and a possible loss is reported on both sides. */
static void mended(void)
{
	struct ivsh_peer_event event;
	struct ivsh_node_message m;

	open_two();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_UP);
	CHECK_EQ(ivsh_node_next_event(town[1], &event, 0), 0);
	CHECK_EQ(event.kind, IVSH_PEER_EVENT_UP);
	spoil();
	settle();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_LOST);
	CHECK_EQ(ivsh_node_next_event(town[1], &event, 0), 0);
	CHECK_EQ(event.kind, IVSH_PEER_EVENT_LOST);
	CHECK_EQ(event.slot, 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "good", 4, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'g');
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "back", 4, 0), 0);
	CHECK_EQ(town_receive(1, &m), 'b');
}

/*
 * It is reset so often and no more, until the peer starts again. This is reported once, and other
 * channels go on.
 */
static void given_up(void)
{
	struct ivsh_node_message m;

	open_two();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_UP);
	for (unsigned i = 0; i < IVSH_NODE_RESETS; i++) {
		spoil();
		settle();
		CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_LOST);
	}
	spoil();
	settle();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_BROKEN);
	CHECK_EQ(next(40 * MS), 0);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, 0), IVSH_EPROTO);
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "x", 1, IVSH_FOREVER), IVSH_EPROTO);
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(ivsh_node_send(town[2], 0, 1, "other", 5, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'o');
	CHECK_EQ(next(IVSH_FOREVER), 20 + IVSH_PEER_EVENT_UP);
	town_kill(1);
	NEED_EQ(town_open(1, NULL), 0);
	/* Its channel is reset once more. */
	CHECK_EQ(next(IVSH_FOREVER), 10 + IVSH_PEER_EVENT_LOST);
	CHECK_EQ(next(IVSH_FOREVER), 10 + IVSH_PEER_EVENT_RESTARTED);
	settle();
	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "new", 3, 0), 0);
	CHECK_EQ(town_receive(0, &m), 'n');
	CHECK_EQ(ivsh_node_send(town[0], 1, 1, "y", 1, 0), 0);
}

/* A call ends when its ring breaks: the peer may or may not have seen the request. SPEC R14.4. */
static void call_broken(void)
{
	struct ivsh_call call = {.peer = 1, .port = 9};

	open_two();
	CHECK_EQ(ivsh_node_call_poll(town[0], &call), IVSH_EAGAIN);
	spoil();
	for (unsigned i = 0; i < 4 && ivsh_node_call_poll(town[0], &call) == IVSH_EAGAIN; i++)
		CHECK_EQ(ivsh_node_wait(town[1], 0, NULL), 0);
	CHECK_EQ(call.begun, false);
	CHECK_EQ(ivsh_node_call(town[0], &call, 50 * MS), IVSH_EAGAIN);
}

static void services(void)
{
	uint32_t peer = 0;
	uint16_t port = 0;
	uint64_t start;

	open_two();
	CHECK_EQ(ivsh_node_offer(town[1], "", 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_find_service(town[0], "clock", &peer, &port, 0), IVSH_ENODEV);
	start = world.now_ns;
	CHECK_EQ(ivsh_node_find_service(town[0], "clock", &peer, &port, 30 * MS), IVSH_ENODEV);
	CHECK_EQ(world.now_ns - start, 30 * MS);
	world.on_sleep = offer;
	CHECK_EQ(ivsh_node_find_service(town[0], "clock", &peer, &port, IVSH_FOREVER), 0);
	CHECK_EQ(peer, 1);
	CHECK_EQ(port, 77);
	CHECK_EQ(ivsh_node_find_service(town[1], "clock", &peer, &port, 0), IVSH_ENODEV);
	town_close(1);
	CHECK_EQ(ivsh_node_find_service(town[0], "clock", &peer, &port, 0), IVSH_ENODEV);
}

static void peers(void)
{
	struct ivsh_node_options beta = {.name = "beta"};

	town_reset();
	NEED_EQ(town_open(0, NULL), 0);
	NEED_EQ(town_open(1, &beta), 0);
	CHECK_EQ(ivsh_node_peer(town[0], 1)->name[0], 'b');
	CHECK_EQ(ivsh_node_peer(town[0], 1)->presence, IVSH_PEER_ATTACHED);
	CHECK_EQ(ivsh_node_peer(town[0], 2)->presence, IVSH_PEER_ABSENT);
	CHECK(ivsh_node_peer(town[0], WORLD_SLOTS) == NULL);
	CHECK(ivsh_node_channel(town[0], 1) == &town[0]->chans[1]);
	CHECK(ivsh_node_channel(town[0], 0) == NULL);
	CHECK(ivsh_node_channel(town[0], WORLD_SLOTS) == NULL);
}

static void server_changes(void)
{
	world.on_sleep = NULL;
	world_server()->change++;
	world.notified++;
}

/* What moved while the node waited for a message ends its next wait. SPEC R8.4. */
static void change_kept(void)
{
	struct ivsh_node_message m;
	uint32_t events;
	uint64_t start;

	open_two();
	CHECK_EQ(next(0), 10 + IVSH_PEER_EVENT_UP);
	world.on_sleep = server_changes;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, 1, 300 * MS), IVSH_EAGAIN);
	start = world.now_ns;
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, IVSH_EVENT_CONTROL);
	CHECK_EQ(world.now_ns, start);
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, 0);
	/* Nothing is left to report when all events were read. */
	world.on_sleep = server_changes;
	CHECK_EQ(ivsh_node_receive(town[0], &m, town_in, 1, 300 * MS), IVSH_EAGAIN);
	CHECK_EQ(next(0), 0);
	CHECK_EQ(ivsh_node_wait(town[0], 5 * MS, &events), 0);
	CHECK_EQ(events, 0);
}

/* A channel that breaks does not hide what others sent. */
static void others_seen(void)
{
	static struct ivsh_node_stream stream;
	static uint8_t buffer[1024];
	struct ivsh_node_message m;

	open_two();
	NEED_EQ(town_open(2, NULL), 0);
	NEED_EQ(ivsh_node_stream_open(town[0], &stream, 3, 50, buffer, sizeof(buffer)), 0);
	CHECK_EQ(ivsh_node_send(town[2], 0, 1, "other", 5, 0), 0);
	CHECK_EQ(ivsh_node_send(town[1], 0, 1, "spoiled", 7, 0), 0);
	world_desc(1, 0, town[1]->chans[0].tx.head - 1)->control |= IVSH_WIRE_CONTROL_RESERVED;
	CHECK_EQ(town_receive(0, &m), 'o');
}

static const struct test tests[] = {
    {"events: comes and goes", comes_and_goes},
    {"events: a broken channel is mended", mended},
    {"events: and given up in the end", given_up},
    {"events: a call on it ends", call_broken},
    {"events: services", services},
    {"events: peers", peers},
    {"events: a change is kept for the next wait", change_kept},
    {"events: a broken channel hides no other", others_seen},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
