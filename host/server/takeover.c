/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - makes whole what a server left behind.
 */
#include "server/takeover.h"
#include "server/ids.h"
#include "server/batch.h"
#include "process/log.h"
#include "server/notices.h"

#include <string.h>

static bool takeover_holds(const struct state *state, const struct client *client)
{
	uint32_t place = (uint32_t)(client - state->client);

	return client->slot < state->head->slots && state->slot[client->slot].client == place;
}

/* What it was told is as far as anybody can get. */
static bool takeover_is_possible(const struct state *state, const struct client *client)
{
	const struct state_head *head = state->head;

	if (head->classic)
		return client->step <= NOTICES_HEAD + 1 &&
		       (client->about == SLOTS_NONE ||
			   (client->about < head->slots && client->vector < head->vectors));
	return client->step <= NOTICES_HEAD + head->slots * head->vectors;
}

static void takeover_doubt(struct state_counts *counts, struct client *client)
{
	log_event("event=doubtful slot=%ld pid=%ld",
	    client->slot == SLOTS_NONE ? -1L : (long)client->slot, (long)client->pid);
	counts->doubtful++;
	client->state = CLIENT_DOUBTFUL;
}

/* A notice as a server can have sent it; what it says follows from that, and is not looked at. */
static bool takeover_is_notice(const struct state_head *head, const struct notice *notice)
{
	if (notice->slot == SLOTS_NONE)
		return true;
	return notice->slot < head->slots &&
	       (notice->vector < head->vectors || (head->classic && notice->vector == SLOTS_NONE));
}

/* How many notices went to (client), to whom a server sent when it died; or BATCH_UNKNOWN. */
static uint32_t takeover_sent(const struct state *state, const struct client *client)
{
	if (!state->head->marks)
		return BATCH_UNKNOWN;
	return batch_sent(state->batch, (uint32_t)(client - state->client), client->sending);
}

/*
 * A server died while it sent to (client): record what went, from where the client was before, since
 * some of it may be recorded already. False: that cannot be known.
 */
static bool takeover_settle(const struct state *state, struct client *client)
{
	const struct state_head *head = state->head;
	const struct batch *batch = state->batch;
	struct slots slots = {.count = head->slots, .vectors = head->vectors, .slot = state->slot};
	struct clients clients = {.slots = &slots,
	    .client = state->client,
	    .knows = state->knows,
	    .is_classic = head->classic};
	uint32_t sent = takeover_sent(state, client);

	if (sent == BATCH_UNKNOWN)
		return false;
	for (uint32_t i = 0; i < sent; i++)
		if (!takeover_is_notice(head, &batch->notice[i]))
			return false;
	client->step = batch->step;
	client->about = batch->about;
	client->vector = batch->vector;
	notices_told(&clients, client, batch->notice, sent);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	client->sending = 0;
	return true;
}

/* The same of a refusal: who has it has been told the end. */
static bool takeover_refused(const struct state *state, struct client *client)
{
	uint32_t sent = takeover_sent(state, client);

	if (sent == BATCH_UNKNOWN)
		return false;
	if (sent > 0)
		client->state = CLIENT_CLOSING;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	client->sending = 0;
	return true;
}

static void takeover_client(const struct state *state, struct client *client)
{
	struct state_counts *counts = &state->head->counts;
	bool holds = takeover_holds(state, client);

	switch (client->state) {
	case CLIENT_FREE:
	case CLIENT_WAITING: /* nothing was sent to it: it comes again */
		client->state = CLIENT_FREE;
		return;
	case CLIENT_GREETING:
	case CLIENT_READY:
		if (!holds)
			client->state = CLIENT_CLOSING; /* its end had begun */
		else if ((client->sending != 0 && !takeover_settle(state, client)) ||
			 !takeover_is_possible(state, client))
			takeover_doubt(counts, client);
		return;
	case CLIENT_REFUSED:
		client->slot = SLOTS_NONE;
		if (client->sending != 0 && !takeover_refused(state, client))
			takeover_doubt(counts, client);
		else if (client->reason >= CLIENTS_REASONS)
			client->reason = CLIENTS_NO_FREE_SLOT;
		return;
	case CLIENT_CLOSING:
		return;
	case CLIENT_GONE: /* and shut down; or the supervisor knew, and this is a new one */
		client->state = CLIENT_FREE;
		return;
	case CLIENT_DOUBTFUL:
		if (!holds)
			client->slot = SLOTS_NONE;
		return;
	default:
		client->slot = SLOTS_NONE;
		takeover_doubt(counts, client);
	}
}

static bool takeover_is_holder(const struct state *state, uint32_t place, uint32_t slot)
{
	const struct client *client = &state->client[place];

	return client->slot == slot &&
	       (client->state == CLIENT_GREETING || client->state == CLIENT_READY ||
		   client->state == CLIENT_CLOSING || client->state == CLIENT_DOUBTFUL);
}

static void takeover_slot(const struct state *state, uint32_t number)
{
	struct slot *slot = &state->slot[number];

	if (slot->client != SLOTS_NONE && (slot->client >= state->head->clients ||
					      !takeover_is_holder(state, slot->client, number)))
		slot->client = SLOTS_NONE;
	if (!state->head->classic)
		slot->id = number;
	else if (slot->id > 65535)
		slot->id = 65535;
}

/* Only who holds a slot knows anything, and only of slots that there are. */
static void takeover_knows(const struct state *state, uint32_t place)
{
	uint32_t words = state_words(state->head->slots);
	uint64_t *knows = state->knows + (size_t)place * words;
	const struct client *client = &state->client[place];

	if (client->state != CLIENT_GREETING && client->state != CLIENT_READY) {
		memset(knows, 0, words * sizeof *knows);
		return;
	}
	if (state->head->slots % 64)
		knows[words - 1] &= (UINT64_C(1) << state->head->slots % 64) - 1;
	knows[client->slot / 64] &= ~(UINT64_C(1) << client->slot % 64);
}

void takeover_repair(const struct state *state)
{
	for (uint32_t i = 0; i < state->head->clients; i++) {
		struct client *client = &state->client[i];

		if (state->socket[i].fd < 0)
			client->state = CLIENT_FREE;
		else
			takeover_client(state, client);
	}
	for (uint32_t i = 0; i < state->head->slots; i++)
		takeover_slot(state, i);
	for (uint32_t i = 0; state->head->classic && i < state->head->clients; i++)
		takeover_knows(state, i);
	state->head->next_id %= IDS_COUNT;
}
