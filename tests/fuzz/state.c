/* SPDX-License-Identifier: MIT */
/*
 * state.c - a server that takes over a state of any content.
 */
#include "tests/fuzz/feed.h"
#include "server/reading.h"
#include "server/sending.h"
#include "server/timeouts.h"
#include "server/batch.h"
#include "server/report.h"
#include "tests/fuzz/serving.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 8u /* rows that something is put in; behind them is nobody */

static int client[CLIENTS];
static uint8_t indeterminate[CLIENTS];

/* An INDETERMINATE client is never sent to. */
static void sending(uint32_t row)
{
	FUZZ_MUST(row >= CLIENTS || !indeterminate[row]);
}

static const struct serving_hooks hooks = {sending, NULL};

/* A small number for a field that has only some; or any. */
static uint32_t number(uint32_t most)
{
	uint8_t byte = feed_byte();

	return byte < 0xf0 ? byte % (most + 1) : (uint32_t)feed_number(4);
}

static void fill_client(const struct state *state, uint32_t row)
{
	const struct state_head *head = state->head;

	state->client[row] = (struct client){.state = number(CLIENT_INDETERMINATE),
	    .slot = number(head->slots),
	    .parts = head->split ? number(head->slots) : 0,
	    .sent = number(
		head->classic ? 4 : 3 + head->split * head->slots + head->slots * head->vectors),
	    .sending = feed_byte() % 4 ? 0 : number(4),
	    .partial = feed_byte() % 2 ? SLOTS_NONE : number(head->slots),
	    .vectors = number(head->vectors),
	    .pid = (int32_t)number(1),
	    .uid = number(1),
	    .gid = number(1),
	    .reason = number(CLIENTS_REASONS),
	    .deadline_ns = feed_number(8),
	    .since_ns = feed_number(8)};
}

/* The message that was being sent: mostly to a client, with valid marks, or any bytes. */
static void fill_batch(const struct state *state)
{
	struct batch *batch = state->batch;

	batch->client = number(CLIENTS);
	batch->count = number(4);
	batch->sent = number(state->head->classic ? 4 : 8);
	batch->partial = feed_byte() % 2 ? SLOTS_NONE : number(state->head->slots);
	batch->vectors = number(state->head->vectors);
	for (uint32_t i = 0; i < 4; i++) {
		batch->message[i] = (struct message){.value = (int64_t)feed_byte(),
		    .fd = -1,
		    .slot = feed_byte() % 4 ? number(state->head->slots) : SLOTS_NONE,
		    .vector = feed_byte() % 4 ? number(state->head->vectors) : SLOTS_NONE};
		batch->header[i].msg_len = feed_byte() % 4 ? 8 : feed_byte();
	}
}

static void fill(const struct state *state)
{
	struct state_head *head = state->head;
	uint32_t words = state_words(head->slots);

	for (uint32_t i = 0; i < head->slots; i++) {
		uint8_t holder = feed_byte();

		state->slot[i] = (struct slot){.client = holder & 0x80 ? number(CLIENTS) : holder,
		    .id = number(head->slots),
		    .times = feed_byte()};
	}
	for (uint32_t i = 0; i < CLIENTS; i++) {
		fill_client(state, i);
		for (uint32_t w = 0; head->classic && w < words; w++)
			state->knows[i * words + w] = feed_number(8);
	}
	fill_batch(state);
	head->marks = feed_byte() % 8 != 0;
	head->is_begun = feed_byte();
	head->next_id = number(64);
	feed_bytes(&head->counts, sizeof(head->counts));
	feed_bytes(&head->page_words, sizeof(head->page_words));
	/* Behind that, in all that there is: bytes. */
	while (feed_left()) {
		size_t at = feed_number(2) % sizeof(struct client) * head->clients;

		((uint8_t *)state->client)[at % (head->clients * sizeof(struct client))] =
		    feed_byte();
	}
}

static void tick_call(void *unused)
{
	(void)unused;
	reading_service(&serving.server.clients);
	timeouts_check(&serving.server.clients);
	sending_take_turns(&serving.server.clients);
}

/* The report is for people: any number is good, as long as there is an end. */
static void report(void)
{
	size_t size = 0;
	char *text = report_make(&serving.server, &size);

	FUZZ_MUST(text && size > 4 && !memcmp(text + size - 4, "end\n", 4));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct state *state = &serving.server.state;
	uint8_t shape, there;

	feed_set(data, size);
	shape = feed_byte();
	there = feed_byte();
	serving_open(&(struct options){.slots = shape % SERVING_SLOTS + 1,
			 .vectors = shape / SERVING_SLOTS % (SERVING_VECTORS + 1),
			 .classic = shape >> 7,
			 .raw = shape >> 6 & 1,
			 .split = shape >> 5 == 1,
			 .per_uid = UINT32_MAX},
	    true, &hooks);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		int pair[2];

		client[i] = -1;
		if (!(there >> i & 1))
			continue;
		FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		client[i] = pair[0];
		serving.held[i] = pair[1];
		state->socket[i].slot =
		    feed_byte() % 2 ? feed_byte() % state->head->slots : SLOTS_NONE;
	}
	fill(state);
	for (uint32_t i = 0; i < CLIENTS; i++)
		indeterminate[i] =
		    state->client[i].state == CLIENT_INDETERMINATE ||
		    ((state->client[i].state == CLIENT_HANDSHAKING ||
			 state->client[i].state == CLIENT_READY) &&
			(!state->head->marks || batch_sent(state->batch, i,
						    state->client[i].sending) == BATCH_UNKNOWN) &&
			state->client[i].sending != 0);
	serving_begin();
	serving_read_link();
	serving_check();
	report();
	for (uint32_t i = 0; i < 4; i++) {
		serving.now_ns += 2000000000;
		serving_call(tick_call, NULL);
		serving_read_link();
		serving_check();
	}
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (client[i] >= 0)
			close(client[i]);
	serving_call(tick_call, NULL);
	serving_read_link();
	serving_check();
	/* All clients have gone: none is left in the state. */
	FUZZ_MUST(serving.server.clients.used == 0);
	serving_close();
	return 0;
}
