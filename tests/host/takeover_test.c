/* SPDX-License-Identifier: MIT */
/*
 * takeover_test.c - what the next server makes of each state in which one can die.
 */
#include "server/client_state.h"
#include "server/clients.h"
#include "config/shape.h"
#include "wire/state.h"
#include "server/protocol.h"
#include "server/reading.h"
#include "server/resume.h"
#include "server/takeover.h"
#include "tests/lib/test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONE SLOTS_NONE
#define ROW 2u /* of the client in question */

static int make_state(struct state *made, const struct options *options)
{
	const struct state_shape shape = shape_of(options);

	return state_create(made, &shape);
}

/* The states that can be left in the client and in slot 1. */
struct cut {
	const char *name;
	uint32_t state, slot, holder, sent, sending;
	bool has_socket;
	uint32_t want_state, want_slot, want_holder;
};

static void repair(const struct cut *cut, bool is_classic)
{
	const struct options options = {.slots = 3, .vectors = 2, .classic = is_classic};
	struct state state;
	struct client *client;

	NEED_EQ(make_state(&state, &options), 0);
	client = &state.client[ROW];
	state.socket[ROW].fd = cut->has_socket ? 99 : -1;
	*client = (struct client){.state = cut->state,
	    .slot = cut->slot,
	    .sent = cut->sent,
	    .sending = cut->sending,
	    .partial = NONE};
	state.slot[1].client = cut->holder;
	test_row(cut->name);
	/* The one who repairs can die, too. */
	for (unsigned i = 0; i < 2; i++) {
		takeover_repair(&state);
		CHECK_EQ(client->state, cut->want_state);
		if (cut->want_state != CLIENT_FREE)
			CHECK_EQ(client->slot, cut->want_slot);
		CHECK_EQ(state.slot[1].client, cut->want_holder);
		CHECK_EQ(state.slot[0].client, NONE);
		CHECK_EQ(state.head->counts.indeterminate,
		    cut->state != CLIENT_INDETERMINATE && cut->want_state == CLIENT_INDETERMINATE);
	}
	state_close(&state);
}

/* In the order in which a server takes the steps. */
static void cuts(void)
{
	static const struct cut rows[] = {
	    {"nobody", CLIENT_FREE, NONE, NONE, 0, 0, false, CLIENT_FREE, NONE, NONE},
	    {"new", CLIENT_FREE, NONE, NONE, 0, 0, true, CLIENT_FREE, NONE, NONE},
	    {"waits", CLIENT_WAITING, 1, NONE, 0, 0, true, CLIENT_FREE, NONE, NONE},
	    {"waits for another", CLIENT_WAITING, 1, 0, 0, 0, true, CLIENT_FREE, NONE, NONE},
	    {"got the slot", CLIENT_WAITING, 1, ROW, 0, 0, true, CLIENT_FREE, NONE, NONE},
	    {"handshaking", CLIENT_HANDSHAKING, 1, ROW, 0, 0, true, CLIENT_HANDSHAKING, 1, ROW},
	    {"sends", CLIENT_HANDSHAKING, 1, ROW, 0, 9, true, CLIENT_INDETERMINATE, 1, ROW},
	    {"was sent some", CLIENT_HANDSHAKING, 1, ROW, 2, 9, true, CLIENT_INDETERMINATE, 1, ROW},
	    {"blocked", CLIENT_HANDSHAKING, 1, ROW, 4, 0, true, CLIENT_HANDSHAKING, 1, ROW},
	    {"ready", CLIENT_READY, 1, ROW, 4, 0, true, CLIENT_READY, 1, ROW},
	    {"ready, sends", CLIENT_READY, 1, ROW, 4, 1, true, CLIENT_INDETERMINATE, 1, ROW},
	    {"released", CLIENT_READY, 1, NONE, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"released, taken", CLIENT_READY, 1, 0, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"closing, and holds", CLIENT_CLOSING, 1, ROW, 4, 0, true, CLIENT_CLOSING, 1, ROW},
	    {"closing", CLIENT_CLOSING, 1, NONE, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"gone, or new", CLIENT_GONE, 1, NONE, 4, 0, true, CLIENT_FREE, NONE, NONE},
	    {"gone, and reported", CLIENT_GONE, 1, NONE, 4, 0, false, CLIENT_FREE, NONE, NONE},
	    {"ready, dropped", CLIENT_READY, 1, ROW, 4, 0, false, CLIENT_FREE, NONE, NONE},
	    {"refused", CLIENT_REFUSED, NONE, NONE, 0, 0, true, CLIENT_REFUSED, NONE, NONE},
	    {"being refused", CLIENT_REFUSED, NONE, NONE, 0, 1, true, CLIENT_INDETERMINATE, NONE,
		NONE},
	    {"indeterminate", CLIENT_INDETERMINATE, 1, ROW, 4, 1, true, CLIENT_INDETERMINATE, 1,
		ROW},
	    {"indeterminate, released", CLIENT_INDETERMINATE, 1, NONE, 4, 1, true,
		CLIENT_INDETERMINATE, NONE, NONE},
	    {"indeterminate, closed", CLIENT_INDETERMINATE, 1, ROW, 4, 1, false, CLIENT_FREE, NONE,
		NONE},
	    {"probing", CLIENT_PROBING, NONE, NONE, 70, 0, true, CLIENT_CLOSING, NONE, NONE},
	    {"no such slot", CLIENT_READY, 3, ROW, 4, 0, true, CLIENT_CLOSING, 3, NONE},
	    {"more than can be sent", CLIENT_READY, 1, ROW, 77, 0, true, CLIENT_INDETERMINATE, 1,
		ROW},
	    {"no such state", 1234, 1, ROW, 4, 0, true, CLIENT_INDETERMINATE, NONE, NONE},
	    {"no such holder", CLIENT_FREE, NONE, 4711, 0, 0, false, CLIENT_FREE, NONE, NONE},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		repair(&rows[i], false);
		repair(&rows[i], true);
	}
}

/* A client of a split region is sent all parts, or, as QEMU, none. */
static void parts(void)
{
	static const struct {
		const char *name;
		bool split;
		uint32_t parts, sent, want_state;
	} rows[] = {
	    {"a client of ours", true, 3, 3 + 3 + 6, CLIENT_READY},
	    {"QEMU", true, 0, 3 + 6, CLIENT_READY},
	    {"QEMU, more than can be sent", true, 0, 3 + 7, CLIENT_INDETERMINATE},
	    {"more than can be sent", true, 3, 3 + 3 + 7, CLIENT_INDETERMINATE},
	    {"some parts", true, 2, 4, CLIENT_INDETERMINATE},
	    {"parts without a split region", false, 3, 4, CLIENT_INDETERMINATE},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct options options = {.slots = 3, .vectors = 2, .split = rows[i].split};
		struct state state;

		NEED_EQ(make_state(&state, &options), 0);
		test_row(rows[i].name);
		state.socket[ROW].fd = 99;
		state.slot[1].client = ROW;
		state.client[ROW] = (struct client){.state = CLIENT_READY,
		    .slot = 1,
		    .parts = rows[i].parts,
		    .sent = rows[i].sent,
		    .partial = NONE};
		takeover_repair(&state);
		CHECK_EQ(state.client[ROW].state, rows[i].want_state);
		state_close(&state);
	}
	test_row(NULL);
}

/* Only holders of slots know peers: only peers that are there, and not themselves. */
static void known(void)
{
	static const struct {
		uint32_t state;
		uint64_t want;
	} rows[] = {
	    {CLIENT_FREE, 0},
	    {CLIENT_HANDSHAKING, 5},
	    {CLIENT_READY, 5},
	    {CLIENT_CLOSING, 0},
	    {CLIENT_INDETERMINATE, 0},
	};
	const struct options options = {.slots = 3, .vectors = 1, .classic = true};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct state state;

		NEED_EQ(make_state(&state, &options), 0);
		state.socket[ROW].fd = 99;
		state.client[ROW] =
		    (struct client){.state = rows[i].state, .slot = 1, .sent = 4, .partial = NONE};
		state.slot[1].client = ROW;
		state.knows[ROW] = state.knows[0] = UINT64_MAX;
		state.head->next_id = UINT32_MAX;
		state.slot[2].id = 65536;
		takeover_repair(&state);
		CHECK_EQ(state.knows[ROW], rows[i].want);
		CHECK_EQ(state.knows[0], 0);
		CHECK_EQ(state.head->next_id, 65535);
		CHECK_EQ(state.slot[2].id, 65535);
		state_close(&state);
	}
}

/* A server with one client, that is to go on from a state; the other end of its socket. */
static struct slots slots;
static struct page page;
static struct clients clients;
static struct state state;
static const char *names[3];

static int go_on(const struct client *left, bool is_shut)
{
	static const struct options options = {.slots = 3, .vectors = 0, .per_uid = UINT32_MAX};
	int pair[2];

	CHECK_EQ(make_state(&state, &options), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if (is_shut)
		shutdown(pair[1], SHUT_RDWR);
	state.socket[ROW] = (struct state_socket){.fd = pair[1], .slot = NONE};
	state.client[ROW] = *left;
	if (left->slot != NONE)
		state.slot[left->slot].client = ROW;
	state.head->memory = STDIN_FILENO; /* any descriptor */
	takeover_repair(&state);
	CHECK_EQ(page_open(&page, &state.head->page_words, NULL, 0), 0);
	slots = (struct slots){.count = 3, .slot = state.slot, .names = names};
	clients = (struct clients){
	    .options = &options, .slots = &slots, .page = &page, .unread = 278, .link = -1};
	CHECK_EQ(clients_open(&clients, &state), 0);
	resume_clients(&clients, &state);
	return pair[0];
}

/* Bytes that came, or -1 at the end of the stream. */
static int bytes_got(int fd)
{
	unsigned char bytes[4096];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	return got == 0 ? -1 : got < 0 ? 0 : (int)got;
}

static void go_on_rows(void)
{
	static const struct {
		const char *name;
		struct client left;
		bool is_shut;
		uint32_t want_state;
		int want_bytes; /* in one message or more; -1: nothing, and the end */
	} rows[] = {
	    {"new", {.slot = NONE}, false, CLIENT_READY, 24},
	    {"new, in the row of one that is gone", {.state = CLIENT_GONE, .slot = NONE}, false,
		CLIENT_READY, 24},
	    {"gone", {.state = CLIENT_GONE, .slot = NONE}, true, CLIENT_FREE, -1},
	    {"handshaking", {.state = CLIENT_HANDSHAKING, .slot = 1, .partial = NONE}, false,
		CLIENT_READY, 24},
	    {"ready", {.state = CLIENT_READY, .slot = 1, .sent = 3, .partial = NONE}, false,
		CLIENT_READY, 0},
	    {"indeterminate", {.state = CLIENT_HANDSHAKING, .slot = 1, .sending = 3}, false,
		CLIENT_INDETERMINATE, 0},
	    {"closing", {.state = CLIENT_CLOSING, .slot = NONE}, false, CLIENT_CLOSING, -1},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int client = go_on(&rows[i].left, rows[i].is_shut);

		test_row(rows[i].name);
		reading_service(&clients);
		CHECK_EQ(state.client[ROW].state, rows[i].want_state);
		CHECK_EQ(bytes_got(client), rows[i].want_bytes);
		/* Whatever its state was, the server forgets the client when it hangs up. */
		close(client);
		reading_service(&clients);
		CHECK_EQ(state.client[ROW].state, CLIENT_FREE);
		CHECK_EQ(clients.used, 0);
		clients_close(&clients);
		state_close(&state);
	}
}

/* The client's state, as the batch of a server that was killed determines it. */
static void batches(void)
{
	static const struct {
		const char *name;
		uint32_t row, count, marks; /* of the batch */
		uint32_t lengths[3];
		uint32_t sent; /* of the client: recorded in part already */
		uint32_t want_state, want_sent;
	} rows[] = {
	    {"none", ROW, 3, 1, {0, 0, 0}, 3, CLIENT_HANDSHAKING, 3},
	    {"one", ROW, 3, 1, {8, 0, 0}, 3, CLIENT_HANDSHAKING, 4},
	    {"two, one recorded", ROW, 3, 1, {8, 8, 0}, 4, CLIENT_HANDSHAKING, 5},
	    {"all", ROW, 3, 1, {8, 8, 8}, 3, CLIENT_HANDSHAKING, 6},
	    {"all, all recorded", ROW, 3, 1, {8, 8, 8}, 6, CLIENT_HANDSHAKING, 6},
	    {"another's", ROW + 1, 3, 1, {8, 8, 8}, 3, CLIENT_INDETERMINATE, 3},
	    {"of another time", ROW, 2, 1, {8, 8, 8}, 3, CLIENT_INDETERMINATE, 3},
	    {"a gap", ROW, 3, 1, {8, 0, 8}, 3, CLIENT_INDETERMINATE, 3},
	    {"half of one", ROW, 3, 1, {8, 4, 0}, 3, CLIENT_INDETERMINATE, 3},
	    {"a kernel that says nothing", ROW, 3, 0, {0, 0, 0}, 3, CLIENT_INDETERMINATE, 3},
	};
	const struct options options = {.slots = 3, .vectors = 2};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client *client;

		NEED_EQ(make_state(&state, &options), 0);
		test_row(rows[i].name);
		client = &state.client[ROW];
		state.head->marks = rows[i].marks;
		state.socket[ROW].fd = 99;
		state.slot[1].client = ROW;
		*client = (struct client){.state = CLIENT_HANDSHAKING,
		    .slot = 1,
		    .sent = rows[i].sent,
		    .sending = 3,
		    .partial = NONE};
		*state.batch = (struct batch){
		    .client = rows[i].row, .count = rows[i].count, .sent = 3, .partial = NONE};
		for (uint32_t j = 0; j < 3; j++) {
			state.batch->message[j] = (struct message){.fd = 5, .slot = 0, .vector = 0};
			state.batch->header[j].msg_len = rows[i].lengths[j];
		}
		/* The one who repairs can die, too. */
		for (unsigned j = 0; j < 2; j++) {
			takeover_repair(&state);
			CHECK_EQ(client->state, rows[i].want_state);
			CHECK_EQ(client->sent, rows[i].want_sent);
			CHECK_EQ(client->sending == 0, rows[i].want_state == CLIENT_HANDSHAKING);
		}
		state_close(&state);
	}
}

/* Whether (from) is followed by (to), at once or by way of other states, while a server serves. */
static bool leads_to(enum client_state from, enum client_state to)
{
	uint32_t reached = 1u << from, before = 0;

	while (reached != before) {
		before = reached;
		for (uint32_t at = 0; at < CLIENT_STATES; at++)
			for (uint32_t next = 0; next < CLIENT_STATES && reached >> at & 1; next++)
				reached |=
				    (uint32_t)client_state_is_allowed(at, next, CLIENT_SERVING)
				    << next;
	}
	return reached >> to & 1;
}

/* The allowed changes keep the promises to clients. */
static void changes(void)
{
	for (uint32_t from = 0; from < CLIENT_STATES; from++) {
		test_row(client_state_name(from));
		/* Only a server's death makes a client INDETERMINATE, and nothing ends that. */
		CHECK(!client_state_is_allowed(from, CLIENT_INDETERMINATE, CLIENT_SERVING));
		CHECK_EQ(client_state_is_allowed(CLIENT_INDETERMINATE, from, CLIENT_SERVING),
		    from == CLIENT_GONE);
		/* A slot is given once, to a client that was sent nothing. */
		CHECK_EQ(client_state_is_allowed(from, CLIENT_HANDSHAKING, CLIENT_SERVING),
		    from == CLIENT_WAITING);
		CHECK(!client_state_is_allowed(from, CLIENT_HANDSHAKING, CLIENT_TAKEOVER));
		/* A row is given away when its socket is closed. */
		CHECK_EQ(client_state_is_allowed(from, CLIENT_FREE, CLIENT_SERVING),
		    from == CLIENT_GONE);
		/* Every connection can end; every row is free when the socket is not there. */
		CHECK(leads_to(from, CLIENT_FREE));
		CHECK(client_state_is_allowed(from, CLIENT_FREE, CLIENT_TAKEOVER));
	}
	CHECK(!client_state_is_allowed(CLIENT_REFUSED, CLIENT_READY, CLIENT_SERVING));
	test_row("no state");
	for (uint32_t to = 0; to < CLIENT_STATES; to++) {
		CHECK(!client_state_is_allowed(CLIENT_STATES, to, CLIENT_SERVING));
		CHECK_EQ(client_state_is_allowed(UINT32_MAX, to, CLIENT_TAKEOVER),
		    to == CLIENT_FREE || to == CLIENT_INDETERMINATE);
	}
	test_row(NULL);
}

static const struct test tests[] = {
    {"states: the changes that are allowed", changes},
    {"repair: each state, each cut", cuts},
    {"repair: who is known", known},
    {"repair: parts", parts},
    {"go on", go_on_rows},
    {"repair: what was being sent", batches},
};

int main(void)
{
	return test_main("takeover", tests, sizeof(tests) / sizeof(tests[0]));
}
