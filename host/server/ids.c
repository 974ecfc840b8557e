/* SPDX-License-Identifier: MIT */
/*
 * ids.c - with --classic: which ID was sent to which clients.
 */
#include "server/ids.h"

#define BITS (IDS_SETS / 64) /* words before a set's bits: which of them are not 0 */

static uint64_t *set_of(const struct clients *clients, uint32_t index)
{
	return clients->sent_ids + (size_t)index * IDS_WORDS;
}

static void add(struct clients *clients, uint32_t index, uint32_t id)
{
	uint64_t *set = set_of(clients, index), *word = set + BITS + id / 64;
	uint64_t bit = UINT64_C(1) << id % 64;

	if (*word & bit)
		return;
	/*
	 * First mark the word as not 0: so a server that takes over finds every bit.
	 */
	__atomic_store_n(
	    &set[id / 4096], set[id / 4096] | UINT64_C(1) << id / 64 % 64, __ATOMIC_RELEASE);
	*word |= bit;
	clients->id_uses[id]++;
}

static void take_away(struct clients *clients, uint32_t index, uint32_t id)
{
	uint64_t *word = set_of(clients, index) + BITS + id / 64;
	uint64_t bit = UINT64_C(1) << id % 64;

	if (!(*word & bit))
		return;
	*word &= ~bit;
	clients->id_uses[id]--;
}

/* Go through a client's set: count it, or take it away with its bits. */
static void visit(struct clients *clients, uint32_t index, bool is_counted, bool is_cleared)
{
	uint64_t *set = set_of(clients, index);

	for (uint32_t i = 0; i < BITS; i++)
		for (uint64_t words = set[i]; words; words &= words - 1) {
			uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(words);
			uint64_t bits = set[BITS + word];

			for (uint64_t left = bits; left && is_counted; left &= left - 1)
				clients->id_uses[word * 64 + (uint32_t)__builtin_ctzll(left)] +=
				    is_cleared ? -1u : 1u;
			if (is_cleared)
				set[BITS + word] = 0;
		}
	for (uint32_t i = 0; is_cleared && i < BITS; i++)
		if (set[i])
			set[i] = 0;
}

void ids_open(struct clients *clients)
{
	const struct slots *slots = clients->slots;

	for (uint32_t i = 0; i < clients->capacity; i++) {
		bool is_there = clients->fd[i] >= 0 && clients->client[i].state != CLIENT_FREE;

		visit(clients, i, is_there, !is_there);
	}
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->slot[i].client != SLOTS_NONE)
			add(clients, slots->slot[i].client, slots->slot[i].id);
}

bool ids_take(struct clients *clients, const struct client *client, uint32_t *id)
{
	for (uint32_t i = 0; i < IDS_COUNT; i++) {
		uint32_t next = (*clients->next_id + i) % IDS_COUNT;

		if (clients->id_uses[next] != 0)
			continue;
		*clients->next_id = (next + 1) % IDS_COUNT;
		add(clients, clients_index(clients, client), next);
		*id = next;
		return true;
	}
	return false;
}

void ids_expect(struct clients *clients, const struct client *client,
    const struct message *messages, uint32_t count)
{
	uint32_t index = clients_index(clients, client);

	for (uint32_t i = 0; i < count; i++)
		if (messages[i].slot != SLOTS_NONE && messages[i].fd >= 0)
			add(clients, index, (uint32_t)messages[i].value);
}

void ids_settle(struct clients *clients, const struct client *client,
    const struct message *messages, uint32_t count, uint32_t sent)
{
	uint32_t index = clients_index(clients, client);

	/* A client that was sent the first vector of a peer knows its ID. */
	for (uint32_t i = sent; i < count; i++)
		if (messages[i].slot != SLOTS_NONE && messages[i].fd >= 0 &&
		    messages[i].vector == 0 && messages[i].slot != client->slot)
			take_away(clients, index, (uint32_t)messages[i].value);
}

void ids_forget(struct clients *clients, const struct client *client)
{
	visit(clients, clients_index(clients, client), true, true);
}
