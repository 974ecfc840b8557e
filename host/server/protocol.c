/* SPDX-License-Identifier: MIT */
/*
 * protocol.c - the messages that a client has yet to be sent.
 */
#include "server/protocol.h"

#include <string.h>

/* Classic: client->sent from the client's own eventfds on. */
#define HANDSHAKE_DONE (PROTOCOL_PREAMBLE + 1)

/* The messages that are put together. */
struct plan {
	struct message *message;
	uint32_t room;
	uint32_t count;
};

static void plan_add(struct plan *plan, int64_t value, int fd, uint32_t slot, uint32_t vector)
{
	if (plan->count < plan->room)
		plan->message[plan->count++] = (struct message){value, fd, slot, vector};
}

/* The eventfds of (slot), from (vector) on. */
static void plan_vectors(
    struct plan *plan, const struct slots *slots, uint32_t slot, uint32_t vector)
{
	for (; vector < slots->vectors && plan->count < plan->room; vector++)
		plan_add(
		    plan, slots->slot[slot].id, slots_doorbell(slots, slot, vector), slot, vector);
}

/* The words with a bit for each slot whose peer (client) knows. */
static uint64_t *knows(const struct clients *clients, const struct client *client)
{
	size_t index = clients_index(clients, client);

	return clients->knows + index * state_words(clients->slots->count);
}

static bool is_live(const struct clients *clients, uint32_t slot)
{
	return clients->live[slot / 64] >> slot % 64 & 1;
}

/* Classic: of word (word), the peers that are there and that (client) does not know. */
static uint64_t came_in(const struct clients *clients, const struct client *client, uint32_t word)
{
	uint64_t came = clients->live[word] & ~knows(clients, client)[word];

	return client->slot / 64 == word ? came & ~(UINT64_C(1) << client->slot % 64) : came;
}

/* Classic: of word (word), the peers that (client) knows and that are not there. */
static uint64_t left_in(const struct clients *clients, const struct client *client, uint32_t word)
{
	return knows(clients, client)[word] & ~clients->live[word];
}

/* Take the lowest bit out of (*bits), which are those of word (word): its slot. */
static uint32_t take_lowest(uint64_t *bits, uint32_t word)
{
	uint32_t bit = (uint32_t)__builtin_ctzll(*bits);

	*bits &= *bits - 1;
	return word * 64 + bit;
}

static void plan_classic(
    const struct clients *clients, const struct client *client, struct plan *plan)
{
	const struct slots *slots = clients->slots;
	uint32_t words = state_words(slots->count);

	/* First the peer that was sent in part: clients count its vectors as they come. */
	if (client->partial != SLOTS_NONE && is_live(clients, client->partial))
		plan_vectors(plan, slots, client->partial, client->vectors);
	for (uint32_t w = 0; w < words && plan->count < plan->room; w++)
		for (uint64_t bits = left_in(clients, client, w); bits;) {
			uint32_t slot = take_lowest(&bits, w);

			plan_add(plan, slots->slot[slot].id, -1, slot, SLOTS_NONE);
		}
	for (uint32_t w = 0; w < words && plan->count < plan->room; w++)
		for (uint64_t bits = came_in(clients, client, w); bits;)
			plan_vectors(plan, slots, take_lowest(&bits, w), 0);
	if (client->sent <= PROTOCOL_PREAMBLE && client->partial != client->slot)
		plan_vectors(plan, slots, client->slot, 0);
}

/* Slots: all others in ascending order, and the client's own last. */
static void plan_slots(
    const struct clients *clients, const struct client *client, struct plan *plan)
{
	const struct slots *slots = clients->slots;
	uint32_t end = slots->count * slots->vectors;
	uint32_t before = PROTOCOL_PREAMBLE + client->parts;
	uint32_t at = client->sent > before ? client->sent - before : 0;

	for (; at < end && plan->count < plan->room; at++) {
		uint32_t peer = at / slots->vectors, vector = at % slots->vectors;
		uint32_t slot = peer < client->slot ? peer : peer + 1;

		if (peer == slots->count - 1)
			slot = client->slot;
		plan_add(plan, slot, slots_doorbell(slots, slot, vector), slot, vector);
	}
}

struct message protocol_part(const struct clients *clients, uint32_t slot, uint32_t reader)
{
	const struct state_memory *memory = &clients->memories[slot];
	int fd = slot == reader ? memory->part : memory->reader;

	return (struct message){PROTOCOL_PART - (int64_t)slot, fd, SLOTS_NONE, 0};
}

/* Split: the parts, in ascending order. */
static void plan_parts(
    const struct clients *clients, const struct client *client, struct plan *plan)
{
	uint32_t at = client->sent > PROTOCOL_PREAMBLE ? client->sent - PROTOCOL_PREAMBLE : 0;

	for (; at < client->parts && plan->count < plan->room; at++)
		plan->message[plan->count++] = protocol_part(clients, at, client->slot);
}

/* Split: a slot has a common memory of its own. */
static int memory_of(const struct clients *clients, const struct client *client)
{
	return clients->memories ? clients->memories[client->slot].common : clients->memory;
}

uint32_t protocol_next(const struct clients *clients, const struct client *client,
    struct message *messages, uint32_t room)
{
	struct plan plan = {messages, room, 0};

	if (client->sent < 1)
		plan_add(&plan, PROTOCOL_VERSION, -1, SLOTS_NONE, 0);
	if (client->sent < 2)
		plan_add(&plan, clients_id(clients, client), -1, SLOTS_NONE, 0);
	if (client->sent < 3)
		plan_add(&plan, -1, memory_of(clients, client), SLOTS_NONE, 0);
	plan_parts(clients, client, &plan);
	if (clients->is_classic)
		plan_classic(clients, client, &plan);
	else
		plan_slots(clients, client, &plan);
	return plan.count;
}

/* Classic: a message about a peer. */
static void record_peer(
    struct clients *clients, struct client *client, const struct message *message)
{
	uint64_t *word = knows(clients, client) + message->slot / 64;
	uint64_t bit = UINT64_C(1) << message->slot % 64;

	if (message->vector == SLOTS_NONE) {
		*word &= ~bit;
		if (clients->slots->known)
			clients->slots->known[message->slot]--;
		if (client->partial == message->slot)
			client->partial = SLOTS_NONE;
		return;
	}
	if (message->slot != client->slot && !(*word & bit)) {
		*word |= bit;
		if (clients->slots->known)
			clients->slots->known[message->slot]++;
	}
	client->vectors = message->vector + 1;
	client->partial = message->slot;
	if (client->vectors < clients->slots->vectors)
		return;
	client->partial = SLOTS_NONE;
	if (message->slot == client->slot)
		client->sent = HANDSHAKE_DONE;
}

void protocol_record(
    struct clients *clients, struct client *client, const struct message *messages, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (messages[i].slot != SLOTS_NONE && clients->is_classic)
			record_peer(clients, client, &messages[i]);
		else
			client->sent++;
	}
}

bool protocol_is_handshake_done(const struct clients *clients, const struct client *client)
{
	const struct slots *slots = clients->slots;

	if (slots->vectors == 0)
		return client->sent >= PROTOCOL_PREAMBLE + client->parts;
	if (clients->is_classic)
		return client->sent >= HANDSHAKE_DONE;
	return client->sent >= PROTOCOL_PREAMBLE + client->parts + slots->count * slots->vectors;
}

uint32_t protocol_left(const struct clients *clients, const struct client *client)
{
	const struct slots *slots = clients->slots;
	uint32_t preamble = client->sent < PROTOCOL_PREAMBLE ? PROTOCOL_PREAMBLE - client->sent : 0;
	uint32_t words = state_words(slots->count);
	uint32_t peers, leaves = 0, rest = 0;

	if (!clients->is_classic)
		return PROTOCOL_PREAMBLE + client->parts + slots->count * slots->vectors -
		       client->sent;
	if (client->partial != SLOTS_NONE && is_live(clients, client->partial))
		rest = slots->vectors - client->vectors;
	peers = client->sent < HANDSHAKE_DONE && client->partial != client->slot;
	for (uint32_t w = 0; w < words; w++) {
		peers += (uint32_t)__builtin_popcountll(came_in(clients, client, w));
		leaves += (uint32_t)__builtin_popcountll(left_in(clients, client, w));
	}
	return preamble + leaves + rest + peers * slots->vectors;
}

void protocol_forget(struct clients *clients, struct client *client)
{
	uint64_t *words = knows(clients, client);

	if (!clients->is_classic)
		return;
	for (uint32_t w = 0; w < state_words(clients->slots->count); w++) {
		for (uint64_t bits = words[w]; bits;)
			clients->slots->known[take_lowest(&bits, w)]--;
		words[w] = 0;
	}
}
