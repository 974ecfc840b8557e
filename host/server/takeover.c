/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - makes whole what a server left behind.
 */
#include "server/takeover.h"
#include "server/ids.h"
#include "server/log.h"
#include "server/notices.h"

#include <string.h>

static bool takeover_holds(const struct ledger *ledger, const struct client *client)
{
	uint32_t place = (uint32_t)(client - ledger->client);

	return client->slot < ledger->head->slots && ledger->slot[client->slot].client == place;
}

/* What it was told is as far as anybody can get. */
static bool takeover_is_possible(const struct ledger *ledger, const struct client *client)
{
	const struct ledger_head *head = ledger->head;

	if (head->classic)
		return client->step <= NOTICES_HEAD + 1 &&
		       (client->about == SLOTS_NONE ||
			   (client->about < head->slots && client->vector < head->vectors));
	return client->step <= NOTICES_HEAD + head->slots * head->vectors;
}

static void takeover_doubt(struct ledger_counts *counts, struct client *client)
{
	log_event("event=doubtful slot=%ld pid=%ld",
	    client->slot == SLOTS_NONE ? -1L : (long)client->slot, (long)client->pid);
	counts->doubtful++;
	client->state = CLIENT_DOUBTFUL;
}

/* A notice as a server can have sent it; what it says follows from that, and is not looked at. */
static bool takeover_is_notice(const struct ledger_head *head, const struct notice *notice)
{
	if (notice->slot == SLOTS_NONE)
		return true;
	return notice->slot < head->slots &&
	       (notice->vector < head->vectors || (head->classic && notice->vector == SLOTS_NONE));
}

/* How many notices went to (client), to whom a server sent when it died; or BATCH_UNKNOWN. */
static uint32_t takeover_sent(const struct ledger *ledger, const struct client *client)
{
	if (!ledger->head->marks)
		return BATCH_UNKNOWN;
	return batch_sent(ledger->batch, (uint32_t)(client - ledger->client), client->sending);
}

/*
 * A server died while it sent to (client): record what went, from where the client was before, since
 * some of it may be recorded already. False: that cannot be known.
 */
static bool takeover_settle(const struct ledger *ledger, struct client *client)
{
	const struct ledger_head *head = ledger->head;
	const struct batch *batch = ledger->batch;
	struct slots slots = {.count = head->slots, .vectors = head->vectors, .slot = ledger->slot};
	struct clients clients = {.slots = &slots,
	    .client = ledger->client,
	    .knows = ledger->knows,
	    .is_classic = head->classic};
	uint32_t sent = takeover_sent(ledger, client);

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
static bool takeover_refused(const struct ledger *ledger, struct client *client)
{
	uint32_t sent = takeover_sent(ledger, client);

	if (sent == BATCH_UNKNOWN)
		return false;
	if (sent > 0)
		client->state = CLIENT_CLOSING;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	client->sending = 0;
	return true;
}

static void takeover_client(const struct ledger *ledger, struct client *client)
{
	struct ledger_counts *counts = &ledger->head->counts;
	bool holds = takeover_holds(ledger, client);

	switch (client->state) {
	case CLIENT_FREE:
	case CLIENT_WAITING: /* nothing was sent to it: it comes again */
		client->state = CLIENT_FREE;
		return;
	case CLIENT_GREETING:
	case CLIENT_READY:
		if (!holds)
			client->state = CLIENT_CLOSING; /* its end had begun */
		else if ((client->sending != 0 && !takeover_settle(ledger, client)) ||
			 !takeover_is_possible(ledger, client))
			takeover_doubt(counts, client);
		return;
	case CLIENT_REFUSED:
		client->slot = SLOTS_NONE;
		if (client->sending != 0 && !takeover_refused(ledger, client))
			takeover_doubt(counts, client);
		else if (client->reason >= CLIENTS_REASONS)
			client->reason = CLIENTS_NO_FREE_SLOT;
		return;
	case CLIENT_CLOSING:
		return;
	case CLIENT_GONE: /* and shut down; or the keeper knew, and this is a new one */
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

static bool takeover_is_holder(const struct ledger *ledger, uint32_t place, uint32_t slot)
{
	const struct client *client = &ledger->client[place];

	return client->slot == slot &&
	       (client->state == CLIENT_GREETING || client->state == CLIENT_READY ||
		   client->state == CLIENT_CLOSING || client->state == CLIENT_DOUBTFUL);
}

static void takeover_slot(const struct ledger *ledger, uint32_t number)
{
	struct slot *slot = &ledger->slot[number];

	if (slot->client != SLOTS_NONE && (slot->client >= ledger->head->clients ||
					      !takeover_is_holder(ledger, slot->client, number)))
		slot->client = SLOTS_NONE;
	if (!ledger->head->classic)
		slot->id = number;
	else if (slot->id > 65535)
		slot->id = 65535;
}

/* Only who holds a slot knows anything, and only of slots that there are. */
static void takeover_knows(const struct ledger *ledger, uint32_t place)
{
	uint32_t words = ledger_words(ledger->head->slots);
	uint64_t *knows = ledger->knows + (size_t)place * words;
	const struct client *client = &ledger->client[place];

	if (client->state != CLIENT_GREETING && client->state != CLIENT_READY) {
		memset(knows, 0, words * sizeof *knows);
		return;
	}
	if (ledger->head->slots % 64)
		knows[words - 1] &= (UINT64_C(1) << ledger->head->slots % 64) - 1;
	knows[client->slot / 64] &= ~(UINT64_C(1) << client->slot % 64);
}

void takeover_repair(const struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->head->clients; i++) {
		struct client *client = &ledger->client[i];

		if (ledger->socket[i].fd < 0)
			client->state = CLIENT_FREE;
		else
			takeover_client(ledger, client);
	}
	for (uint32_t i = 0; i < ledger->head->slots; i++)
		takeover_slot(ledger, i);
	for (uint32_t i = 0; ledger->head->classic && i < ledger->head->clients; i++)
		takeover_knows(ledger, i);
	ledger->head->next_id %= IDS_COUNT;
}
