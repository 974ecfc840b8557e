/* SPDX-License-Identifier: MIT */
/*
 * takeover_test.c - what the next server makes of each state in which one can die.
 */
#include "server/clients.h"
#include "config/shape.h"
#include "wire/state.h"
#include "server/notices.h"
#include "server/takeover.h"
#include "tests/lib/test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONE SLOTS_NONE
#define PLACE 2u /* of the client in question */

static int make_state(struct state *made, const struct options *options)
{
	const struct state_shape shape = shape_of(options);

	return state_create(made, &shape);
}

/* What can be left in the client and in slot 1. */
struct cut {
	const char *name;
	uint32_t state, slot, holder, step, sending;
	bool has_socket;
	uint32_t want_state, want_slot, want_holder;
};

static void repair(const struct cut *cut, bool is_classic)
{
	const struct options options = {.slots = 3, .vectors = 2, .classic = is_classic};
	struct state state;
	struct client *client;

	NEED_EQ(make_state(&state, &options), 0);
	client = &state.client[PLACE];
	state.socket[PLACE].fd = cut->has_socket ? 99 : -1;
	*client = (struct client){.state = cut->state,
	    .slot = cut->slot,
	    .step = cut->step,
	    .sending = cut->sending,
	    .about = NONE};
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
		CHECK_EQ(state.head->counts.doubtful,
		    cut->state != CLIENT_DOUBTFUL && cut->want_state == CLIENT_DOUBTFUL);
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
	    {"got the slot", CLIENT_WAITING, 1, PLACE, 0, 0, true, CLIENT_FREE, NONE, NONE},
	    {"greeting", CLIENT_GREETING, 1, PLACE, 0, 0, true, CLIENT_GREETING, 1, PLACE},
	    {"sends", CLIENT_GREETING, 1, PLACE, 0, 9, true, CLIENT_DOUBTFUL, 1, PLACE},
	    {"told some", CLIENT_GREETING, 1, PLACE, 2, 9, true, CLIENT_DOUBTFUL, 1, PLACE},
	    {"blocked", CLIENT_GREETING, 1, PLACE, 4, 0, true, CLIENT_GREETING, 1, PLACE},
	    {"ready", CLIENT_READY, 1, PLACE, 4, 0, true, CLIENT_READY, 1, PLACE},
	    {"ready, sends", CLIENT_READY, 1, PLACE, 4, 1, true, CLIENT_DOUBTFUL, 1, PLACE},
	    {"released", CLIENT_READY, 1, NONE, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"released, taken", CLIENT_READY, 1, 0, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"closing, and holds", CLIENT_CLOSING, 1, PLACE, 4, 0, true, CLIENT_CLOSING, 1, PLACE},
	    {"closing", CLIENT_CLOSING, 1, NONE, 4, 0, true, CLIENT_CLOSING, 1, NONE},
	    {"gone, or new", CLIENT_GONE, 1, NONE, 4, 0, true, CLIENT_FREE, NONE, NONE},
	    {"gone, and heard", CLIENT_GONE, 1, NONE, 4, 0, false, CLIENT_FREE, NONE, NONE},
	    {"ready, dropped", CLIENT_READY, 1, PLACE, 4, 0, false, CLIENT_FREE, NONE, NONE},
	    {"refused", CLIENT_REFUSED, NONE, NONE, 0, 0, true, CLIENT_REFUSED, NONE, NONE},
	    {"being refused", CLIENT_REFUSED, NONE, NONE, 0, 1, true, CLIENT_DOUBTFUL, NONE, NONE},
	    {"doubtful", CLIENT_DOUBTFUL, 1, PLACE, 4, 1, true, CLIENT_DOUBTFUL, 1, PLACE},
	    {"doubtful, released", CLIENT_DOUBTFUL, 1, NONE, 4, 1, true, CLIENT_DOUBTFUL, NONE,
		NONE},
	    {"doubtful, closed", CLIENT_DOUBTFUL, 1, PLACE, 4, 1, false, CLIENT_FREE, NONE, NONE},
	    {"no such slot", CLIENT_READY, 3, PLACE, 4, 0, true, CLIENT_CLOSING, 3, NONE},
	    {"no such step", CLIENT_READY, 1, PLACE, 77, 0, true, CLIENT_DOUBTFUL, 1, PLACE},
	    {"no such state", 1234, 1, PLACE, 4, 0, true, CLIENT_DOUBTFUL, NONE, NONE},
	    {"no such holder", CLIENT_FREE, NONE, 4711, 0, 0, false, CLIENT_FREE, NONE, NONE},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		repair(&rows[i], false);
		repair(&rows[i], true);
	}
}

/* Who knows whom: only those who hold a slot, nobody that there is not, and not themselves. */
static void known(void)
{
	static const struct {
		uint32_t state;
		uint64_t want;
	} rows[] = {
	    {CLIENT_FREE, 0},
	    {CLIENT_GREETING, 5},
	    {CLIENT_READY, 5},
	    {CLIENT_CLOSING, 0},
	    {CLIENT_DOUBTFUL, 0},
	};
	const struct options options = {.slots = 3, .vectors = 1, .classic = true};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct state state;

		NEED_EQ(make_state(&state, &options), 0);
		state.socket[PLACE].fd = 99;
		state.client[PLACE] =
		    (struct client){.state = rows[i].state, .slot = 1, .step = 4, .about = NONE};
		state.slot[1].client = PLACE;
		state.knows[PLACE] = state.knows[0] = UINT64_MAX;
		state.head->next_id = UINT32_MAX;
		state.slot[2].id = 65536;
		takeover_repair(&state);
		CHECK_EQ(state.knows[PLACE], rows[i].want);
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
	state.socket[PLACE] = (struct state_socket){.fd = pair[1], .slot = NONE};
	state.client[PLACE] = *left;
	if (left->slot != NONE)
		state.slot[left->slot].client = PLACE;
	takeover_repair(&state);
	CHECK_EQ(page_open(&page, &state.head->page_words, NULL, 0), 0);
	slots = (struct slots){.count = 3, .slot = state.slot, .names = names};
	clients = (struct clients){.options = &options,
	    .slots = &slots,
	    .page = &page,
	    .counts = &state.head->counts,
	    .client = state.client,
	    .batch = state.batch,
	    .knows = state.knows,
	    .next_id = &state.head->next_id,
	    .told = state.told,
	    .capacity = state.head->clients,
	    .unread = 278,
	    .memory = STDIN_FILENO, /* any descriptor */
	    .link = -1};
	CHECK_EQ(clients_open(&clients, &state), 0);
	return pair[0];
}

/* Bytes that came, or -1 at the end of the stream. */
static int heard(int fd)
{
	unsigned char bytes[4096];
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	return got == 0 ? -1 : got < 0 ? 0 : (int)got;
}

static void go_on_rows(void)
{
	static const struct {
		const char *name;
		struct client left;
		bool is_shut;
		uint32_t want_state;
		int want_heard; /* in one message or more; -1: nothing, and the end */
	} rows[] = {
	    {"new", {.slot = NONE}, false, CLIENT_READY, 24},
	    {"new, in the place of one that is gone", {.state = CLIENT_GONE, .slot = NONE}, false,
		CLIENT_READY, 24},
	    {"gone", {.state = CLIENT_GONE, .slot = NONE}, true, CLIENT_FREE, -1},
	    {"greeting", {.state = CLIENT_GREETING, .slot = 1, .about = NONE}, false, CLIENT_READY,
		24},
	    {"ready", {.state = CLIENT_READY, .slot = 1, .step = 3, .about = NONE}, false,
		CLIENT_READY, 0},
	    {"doubtful", {.state = CLIENT_GREETING, .slot = 1, .sending = 3}, false,
		CLIENT_DOUBTFUL, 0},
	    {"closing", {.state = CLIENT_CLOSING, .slot = NONE}, false, CLIENT_CLOSING, -1},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int client = go_on(&rows[i].left, rows[i].is_shut);

		test_row(rows[i].name);
		clients_service(&clients);
		CHECK_EQ(state.client[PLACE].state, rows[i].want_state);
		CHECK_EQ(heard(client), rows[i].want_heard);
		/* Whatever it was, it is forgotten when it hangs up. */
		close(client);
		clients_service(&clients);
		CHECK_EQ(state.client[PLACE].state, CLIENT_FREE);
		CHECK_EQ(clients.used, 0);
		clients_close(&clients);
		state_close(&state);
	}
}

/* What the batch of a server that was killed says of its client. */
static void batches(void)
{
	static const struct {
		const char *name;
		uint32_t place, count, marks; /* of the batch */
		uint32_t lengths[3];
		uint32_t step; /* of the client: recorded in part already */
		uint32_t want_state, want_step;
	} rows[] = {
	    {"none", PLACE, 3, 1, {0, 0, 0}, 3, CLIENT_GREETING, 3},
	    {"one", PLACE, 3, 1, {8, 0, 0}, 3, CLIENT_GREETING, 4},
	    {"two, one recorded", PLACE, 3, 1, {8, 8, 0}, 4, CLIENT_GREETING, 5},
	    {"all", PLACE, 3, 1, {8, 8, 8}, 3, CLIENT_GREETING, 6},
	    {"all, all recorded", PLACE, 3, 1, {8, 8, 8}, 6, CLIENT_GREETING, 6},
	    {"another's", PLACE + 1, 3, 1, {8, 8, 8}, 3, CLIENT_DOUBTFUL, 3},
	    {"of another time", PLACE, 2, 1, {8, 8, 8}, 3, CLIENT_DOUBTFUL, 3},
	    {"a gap", PLACE, 3, 1, {8, 0, 8}, 3, CLIENT_DOUBTFUL, 3},
	    {"half of one", PLACE, 3, 1, {8, 4, 0}, 3, CLIENT_DOUBTFUL, 3},
	    {"a kernel that says nothing", PLACE, 3, 0, {0, 0, 0}, 3, CLIENT_DOUBTFUL, 3},
	};
	const struct options options = {.slots = 3, .vectors = 2};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct client *client;

		NEED_EQ(make_state(&state, &options), 0);
		test_row(rows[i].name);
		client = &state.client[PLACE];
		state.head->marks = rows[i].marks;
		state.socket[PLACE].fd = 99;
		state.slot[1].client = PLACE;
		*client = (struct client){.state = CLIENT_GREETING,
		    .slot = 1,
		    .step = rows[i].step,
		    .sending = 3,
		    .about = NONE};
		*state.batch = (struct batch){
		    .place = rows[i].place, .count = rows[i].count, .step = 3, .about = NONE};
		for (uint32_t j = 0; j < 3; j++) {
			state.batch->notice[j] = (struct notice){.fd = 5, .slot = 0, .vector = 0};
			state.batch->message[j].msg_len = rows[i].lengths[j];
		}
		/* The one who repairs can die, too. */
		for (unsigned j = 0; j < 2; j++) {
			takeover_repair(&state);
			CHECK_EQ(client->state, rows[i].want_state);
			CHECK_EQ(client->step, rows[i].want_step);
			CHECK_EQ(client->sending == 0, rows[i].want_state == CLIENT_GREETING);
		}
		state_close(&state);
	}
}

static const struct test tests[] = {
    {"repair: each state, each cut", cuts},
    {"repair: who is known", known},
    {"go on", go_on_rows},
    {"repair: what was being sent", batches},
};

int main(void)
{
	return test_main("takeover", tests, sizeof tests / sizeof tests[0]);
}
