/* SPDX-License-Identifier: MIT */
/*
 * ids.c - with --classic: which ID was told to whom.
 */
#include "server/ids.h"

#include <stdlib.h>

static uint64_t *ids_set(const struct clients *clients, uint32_t place)
{
	return clients->told + (size_t)place * IDS_WORDS;
}

static void ids_tell(struct clients *clients, uint32_t place, uint32_t id)
{
	uint64_t *set = ids_set(clients, place), *word = set + IDS_SETS / 64 + id / 64;
	uint64_t bit = UINT64_C(1) << id % 64;

	if (*word & bit)
		return;
	/* First where to look for it: who takes over finds every bit. */
	__atomic_store_n(
	    &set[id / 4096], set[id / 4096] | UINT64_C(1) << id / 64 % 64, __ATOMIC_RELEASE);
	*word |= bit;
	clients->told_by[id]++;
}

static void ids_untell(struct clients *clients, uint32_t place, uint32_t id)
{
	uint64_t *word = ids_set(clients, place) + IDS_SETS / 64 + id / 64;
	uint64_t bit = UINT64_C(1) << id % 64;

	if (!(*word & bit))
		return;
	*word &= ~bit;
	clients->told_by[id]--;
}

/* Go through a client's set: count it, or take it away with its bits. */
static void ids_visit(struct clients *clients, uint32_t place, bool is_counted, bool is_cleared)
{
	uint64_t *set = ids_set(clients, place);

	for (uint32_t i = 0; i < IDS_SETS / 64; i++)
		for (uint64_t words = set[i]; words; words &= words - 1) {
			uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(words);
			uint64_t bits = set[IDS_SETS / 64 + word];

			for (uint64_t left = bits; left && is_counted; left &= left - 1)
				clients->told_by[word * 64 + (uint32_t)__builtin_ctzll(left)] +=
				    is_cleared ? -1u : 1u;
			if (is_cleared)
				set[IDS_SETS / 64 + word] = 0;
		}
	for (uint32_t i = 0; is_cleared && i < IDS_SETS / 64; i++)
		if (set[i])
			set[i] = 0;
}

int ids_open(struct clients *clients)
{
	clients->told_by = calloc(IDS_COUNT, sizeof *clients->told_by);
	if (!clients->told_by)
		return -1;
	for (uint32_t i = 0; i < clients->capacity; i++) {
		bool is_there = clients->fd[i] >= 0 && clients->client[i].state != CLIENT_FREE;

		ids_visit(clients, i, is_there, !is_there);
	}
	for (uint32_t i = 0; i < clients->slots->count; i++)
		if (clients->slots->slot[i].client != SLOTS_NONE)
			ids_tell(
			    clients, clients->slots->slot[i].client, clients->slots->slot[i].id);
	return 0;
}

bool ids_take(struct clients *clients, uint32_t place, uint32_t *id)
{
	for (uint32_t i = 0; i < IDS_COUNT; i++) {
		uint32_t next = (*clients->next_id + i) % IDS_COUNT;

		if (clients->told_by[next] != 0)
			continue;
		*clients->next_id = (next + 1) % IDS_COUNT;
		ids_tell(clients, place, next);
		*id = next;
		return true;
	}
	return false;
}

void ids_expect(struct clients *clients, uint32_t place, const struct notice *plan, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (plan[i].slot != SLOTS_NONE && plan[i].fd >= 0)
			ids_tell(clients, place, (uint32_t)plan[i].value);
}

void ids_settle(struct clients *clients, uint32_t place, const struct notice *plan, uint32_t count,
    uint32_t sent)
{
	/* Who was told the first vector of a peer knows it. */
	for (uint32_t i = sent; i < count; i++)
		if (plan[i].slot != SLOTS_NONE && plan[i].fd >= 0 && plan[i].vector == 0 &&
		    plan[i].slot != clients->client[place].slot)
			ids_untell(clients, place, (uint32_t)plan[i].value);
}

void ids_forget(struct clients *clients, uint32_t place)
{
	ids_visit(clients, place, true, true);
}
