/* SPDX-License-Identifier: MIT */
/*
 * notices.c - what a client has yet to be told.
 */
#include "server/notices.h"
#include "wire/state.h"

#include <string.h>

#define NOTICES_GREETED (NOTICES_HEAD + 1) /* classic: the step after the client's own eventfds */

struct plan {
	struct notice *notice;
	uint32_t room;
	uint32_t count;
};

static void plan_add(struct plan *plan, int64_t value, int fd, uint32_t slot, uint32_t vector)
{
	if (plan->count < plan->room)
		plan->notice[plan->count++] = (struct notice){value, fd, slot, vector};
}

static void plan_vectors(
    struct plan *plan, const struct slots *slots, uint32_t slot, uint32_t vector)
{
	for (; vector < slots->vectors && plan->count < plan->room; vector++)
		plan_add(plan, slots->slot[slot].id, slots_bell(slots, slot, vector), slot, vector);
}

static uint64_t *notices_knows(const struct clients *clients, const struct client *client)
{
	size_t index = (size_t)(client - clients->client);

	return clients->knows + index * state_words(clients->slots->count);
}

static bool notices_is_live(const struct clients *clients, uint32_t slot)
{
	return clients->live[slot / 64] >> slot % 64 & 1;
}

/* Classic: the bits of word (word) of who is there and unknown, or known and not there. */
static uint64_t notices_came(
    const struct clients *clients, const struct client *client, uint32_t word)
{
	uint64_t came = clients->live[word] & ~notices_knows(clients, client)[word];

	return client->slot / 64 == word ? came & ~(UINT64_C(1) << client->slot % 64) : came;
}

static uint64_t notices_left_word(
    const struct clients *clients, const struct client *client, uint32_t word)
{
	return notices_knows(clients, client)[word] & ~clients->live[word];
}

static uint32_t notices_lowest(uint64_t *bits, uint32_t word)
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

	/* First the peer in the midst of which the last plan ended: vectors are counted. */
	if (client->about != SLOTS_NONE && notices_is_live(clients, client->about))
		plan_vectors(plan, slots, client->about, client->vector);
	for (uint32_t w = 0; w < words && plan->count < plan->room; w++)
		for (uint64_t bits = notices_left_word(clients, client, w); bits;) {
			uint32_t slot = notices_lowest(&bits, w);

			plan_add(plan, slots->slot[slot].id, -1, slot, SLOTS_NONE);
		}
	for (uint32_t w = 0; w < words && plan->count < plan->room; w++)
		for (uint64_t bits = notices_came(clients, client, w); bits;)
			plan_vectors(plan, slots, notices_lowest(&bits, w), 0);
	if (client->step <= NOTICES_HEAD && client->about != client->slot)
		plan_vectors(plan, slots, client->slot, 0);
}

/* Slots: all others in ascending order, and ours last. */
static void plan_slots(
    const struct clients *clients, const struct client *client, struct plan *plan)
{
	const struct slots *slots = clients->slots;
	uint32_t end = slots->count * slots->vectors;
	uint32_t at = client->step > NOTICES_HEAD ? client->step - NOTICES_HEAD : 0;

	for (; at < end && plan->count < plan->room; at++) {
		uint32_t place = at / slots->vectors, vector = at % slots->vectors;
		uint32_t slot = place < client->slot ? place : place + 1;

		if (place == slots->count - 1)
			slot = client->slot;
		plan_add(plan, slot, slots_bell(slots, slot, vector), slot, vector);
	}
}

uint32_t notices_plan(const struct clients *clients, const struct client *client,
    struct notice *notice, uint32_t room)
{
	struct plan plan = {notice, room, 0};
	uint32_t id = clients->slots->slot[client->slot].id;

	if (client->step < 1)
		plan_add(&plan, NOTICES_VERSION, -1, SLOTS_NONE, 0);
	if (client->step < 2)
		plan_add(&plan, id, -1, SLOTS_NONE, 0);
	if (client->step < 3)
		plan_add(&plan, -1, clients->memory, SLOTS_NONE, 0);
	if (clients->is_classic)
		plan_classic(clients, client, &plan);
	else
		plan_slots(clients, client, &plan);
	return plan.count;
}

static void notices_told_classic(
    struct clients *clients, struct client *client, const struct notice *notice)
{
	uint64_t *word = notices_knows(clients, client) + notice->slot / 64;
	uint64_t bit = UINT64_C(1) << notice->slot % 64;

	if (notice->vector == SLOTS_NONE) {
		*word &= ~bit;
		if (clients->slots->known)
			clients->slots->known[notice->slot]--;
		if (client->about == notice->slot)
			client->about = SLOTS_NONE;
		return;
	}
	if (notice->slot != client->slot && !(*word & bit)) {
		*word |= bit;
		if (clients->slots->known)
			clients->slots->known[notice->slot]++;
	}
	client->vector = notice->vector + 1;
	client->about = notice->slot;
	if (client->vector < clients->slots->vectors)
		return;
	client->about = SLOTS_NONE;
	if (notice->slot == client->slot)
		client->step = NOTICES_GREETED;
}

void notices_told(
    struct clients *clients, struct client *client, const struct notice *plan, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (plan[i].slot != SLOTS_NONE && clients->is_classic)
			notices_told_classic(clients, client, &plan[i]);
		else
			client->step++;
	}
}

bool notices_is_greeted(const struct clients *clients, const struct client *client)
{
	const struct slots *slots = clients->slots;

	if (slots->vectors == 0)
		return client->step >= NOTICES_HEAD;
	if (clients->is_classic)
		return client->step >= NOTICES_GREETED;
	return client->step >= NOTICES_HEAD + slots->count * slots->vectors;
}

uint32_t notices_left(const struct clients *clients, const struct client *client)
{
	const struct slots *slots = clients->slots;
	uint32_t head = client->step < NOTICES_HEAD ? NOTICES_HEAD - client->step : 0;
	uint32_t words = state_words(slots->count);
	uint32_t peers, leaves = 0, rest = 0;

	if (!clients->is_classic)
		return NOTICES_HEAD + slots->count * slots->vectors - client->step;
	if (client->about != SLOTS_NONE && notices_is_live(clients, client->about))
		rest = slots->vectors - client->vector;
	peers = client->step < NOTICES_GREETED && client->about != client->slot;
	for (uint32_t w = 0; w < words; w++) {
		peers += (uint32_t)__builtin_popcountll(notices_came(clients, client, w));
		leaves += (uint32_t)__builtin_popcountll(notices_left_word(clients, client, w));
	}
	return head + leaves + rest + peers * slots->vectors;
}

void notices_forget(struct clients *clients, struct client *client)
{
	uint64_t *knows = notices_knows(clients, client);

	if (!clients->is_classic)
		return;
	for (uint32_t w = 0; w < state_words(clients->slots->count); w++) {
		for (uint64_t bits = knows[w]; bits;)
			clients->slots->known[notices_lowest(&bits, w)]--;
		knows[w] = 0;
	}
}
