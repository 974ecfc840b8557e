/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - makes whole what a server left behind. The changes are drawn in client_state.h.
 */
#include "server/takeover.h"
#include "process/log.h"
#include "server/batch.h"
#include "server/client_state.h"
#include "server/protocol.h"

#include <string.h>

static void change(struct client *client, enum client_state to)
{
	client_state_change(client, to, CLIENT_TAKEOVER);
}

static uint32_t index_of(const struct state *state, const struct client *client)
{
	return (uint32_t)(client - state->client);
}

static bool holds_slot(const struct state *state, const struct client *client)
{
	return client->slot < state->head->slots &&
	       state->slot[client->slot].client == index_of(state, client);
}

/* What (client) was sent is no more than a client can be sent. */
static bool is_possible(const struct state *state, const struct client *client)
{
	const struct state_head *head = state->head;

	if (head->classic)
		return client->sent <= PROTOCOL_PREAMBLE + 1 &&
		       (client->partial == SLOTS_NONE ||
			   (client->partial < head->slots && client->vectors < head->vectors));
	if (client->parts != 0 && (!head->split || client->parts != head->slots))
		return false;
	return client->sent <= PROTOCOL_PREAMBLE + client->parts + head->slots * head->vectors;
}

static void set_indeterminate(struct state_counts *counts, struct client *client)
{
	log_event("event=indeterminate slot=%ld pid=%ld",
	    client->slot == SLOTS_NONE ? -1L : (long)client->slot, (long)client->pid);
	counts->indeterminate++;
	change(client, CLIENT_INDETERMINATE);
}

/* A message as a server can have sent it; its value follows from the rest, and is not read. */
static bool is_message(const struct state_head *head, const struct message *message)
{
	if (message->slot == SLOTS_NONE)
		return true;
	return message->slot < head->slots && (message->vector < head->vectors ||
						  (head->classic && message->vector == SLOTS_NONE));
}

/* How many messages of the batch (client) has, which was being sent it; or BATCH_UNKNOWN. */
static uint32_t sent_to(const struct state *state, const struct client *client)
{
	if (!state->head->marks)
		return BATCH_UNKNOWN;
	return batch_sent(state->batch, index_of(state, client), client->sending);
}

/*
 * A server died while it sent to (client): record what went, from what the client was sent before,
 * since some of it may be recorded already. False: that cannot be known.
 */
static bool settle(const struct state *state, struct client *client)
{
	const struct state_head *head = state->head;
	const struct batch *batch = state->batch;
	struct slots slots = {.count = head->slots, .vectors = head->vectors, .slot = state->slot};
	struct clients clients = {.slots = &slots,
	    .client = state->client,
	    .knows = state->knows,
	    .is_classic = head->classic};
	uint32_t sent = sent_to(state, client);

	if (sent == BATCH_UNKNOWN)
		return false;
	for (uint32_t i = 0; i < sent; i++)
		if (!is_message(head, &batch->message[i]))
			return false;
	client->sent = batch->sent;
	client->partial = batch->partial;
	client->vectors = batch->vectors;
	protocol_record(&clients, client, batch->message, sent);
	/* Last: a server that dies before it finds the batch as this one did. */
	state_store(&client->sending, 0);
	return true;
}

/* The same of a refusal: a client that was sent it was sent the end. */
static bool settle_refusal(const struct state *state, struct client *client)
{
	uint32_t sent = sent_to(state, client);

	if (sent == BATCH_UNKNOWN)
		return false;
	if (sent > 0)
		change(client, CLIENT_CLOSING);
	state_store(&client->sending, 0);
	return true;
}

static void repair_client(const struct state *state, struct client *client)
{
	struct state_counts *counts = &state->head->counts;
	bool holds = holds_slot(state, client);

	switch (client->state) {
	case CLIENT_FREE:
	case CLIENT_WAITING: /* nothing was sent to it: it comes again */
	case CLIENT_GONE:    /* and shut down; or the supervisor knew, and this is a new one */
		change(client, CLIENT_FREE);
		return;
	case CLIENT_HANDSHAKING:
	case CLIENT_READY:
		if (!holds)
			change(client, CLIENT_CLOSING); /* its end had begun */
		else if ((client->sending != 0 && !settle(state, client)) ||
			 !is_possible(state, client))
			set_indeterminate(counts, client);
		return;
	case CLIENT_REFUSED:
		client->slot = SLOTS_NONE;
		if (client->sending != 0 && !settle_refusal(state, client))
			set_indeterminate(counts, client);
		else if (client->reason >= CLIENTS_REASONS)
			client->reason = CLIENTS_NO_FREE_SLOT;
		return;
	case CLIENT_PROBING:
		client->slot = SLOTS_NONE;
		change(client, CLIENT_CLOSING);
		return;
	case CLIENT_CLOSING:
		return;
	case CLIENT_INDETERMINATE:
		if (!holds)
			client->slot = SLOTS_NONE;
		return;
	default:
		client->slot = SLOTS_NONE;
		set_indeterminate(counts, client);
	}
}

static bool is_holder(const struct state *state, uint32_t index, uint32_t slot)
{
	const struct client *client = &state->client[index];

	return client->slot == slot &&
	       (client_state_is_served(client) || client->state == CLIENT_CLOSING ||
		   client->state == CLIENT_INDETERMINATE);
}

static void repair_slot(const struct state *state, uint32_t number)
{
	struct slot *slot = &state->slot[number];

	if (slot->client != SLOTS_NONE &&
	    (slot->client >= state->head->clients || !is_holder(state, slot->client, number)))
		slot->client = SLOTS_NONE;
	if (!state->head->classic)
		slot->id = number;
	else if (slot->id >= IDS_COUNT)
		slot->id = IDS_COUNT - 1;
}

/* Classic: only a client that is served knows peers, and only in slots that there are. */
static void repair_knows(const struct state *state, uint32_t index)
{
	uint32_t words = state_words(state->head->slots);
	uint64_t *knows = state->knows + (size_t)index * words;
	const struct client *client = &state->client[index];

	if (!client_state_is_served(client)) {
		memset(knows, 0, words * sizeof(*knows));
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
			change(client, CLIENT_FREE);
		else
			repair_client(state, client);
	}
	for (uint32_t i = 0; i < state->head->slots; i++)
		repair_slot(state, i);
	for (uint32_t i = 0; state->head->classic && i < state->head->clients; i++)
		repair_knows(state, i);
	state->head->next_id %= IDS_COUNT;
}
