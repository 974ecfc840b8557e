/* SPDX-License-Identifier: MIT */
/*
 * clients.c - the table of clients.
 */
#include "server/clients.h"
#include "process/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The tables of this process alone, with the sockets of (state). */
static bool allocate(struct clients *clients, const struct state *state)
{
	uint32_t words = state_words(clients->slots->count);

	clients->fd = malloc(clients->capacity * sizeof(*clients->fd));
	for (uint32_t i = 0; clients->fd && i < clients->capacity; i++)
		clients->fd[i] = state->socket[i].fd;
	clients->is_blocked = calloc(clients->capacity, sizeof(*clients->is_blocked));
	clients->is_due = calloc(clients->capacity, sizeof(*clients->is_due));
	clients->live = calloc(words, sizeof(*clients->live));
	if (clients->is_classic)
		clients->id_uses = calloc(IDS_COUNT, sizeof(*clients->id_uses));
	return clients->fd && clients->is_blocked && clients->is_due && clients->live &&
	       (clients->id_uses || !clients->is_classic);
}

int clients_open(struct clients *clients, const struct state *state)
{
	clients->counts = &state->head->counts;
	clients->client = state->client;
	clients->batch = state->batch;
	clients->knows = state->knows;
	clients->next_id = &state->head->next_id;
	clients->sent_ids = state->sent_ids;
	clients->capacity = state->head->clients;
	clients->memory = state->head->split ? state->head->reader : state->head->memory;
	clients->memories = state->head->split ? state->memory : NULL;
	clients->is_classic = state->head->classic;
	clients->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients->epoll < 0 || !allocate(clients, state)) {
		log_failure("clients", "%s", strerror(errno));
		clients_close(clients);
		return -1;
	}
	return 0;
}

void clients_close(struct clients *clients)
{
	for (uint32_t i = 0; clients->fd && i < clients->capacity; i++)
		if (clients->fd[i] >= 0)
			close(clients->fd[i]);
	free(clients->fd);
	free(clients->is_blocked);
	free(clients->is_due);
	free(clients->id_uses);
	free(clients->live);
	if (clients->epoll >= 0)
		close(clients->epoll);
	clients->fd = NULL;
	clients->is_blocked = NULL;
	clients->is_due = NULL;
	clients->id_uses = NULL;
	clients->live = NULL;
	clients->epoll = -1;
}

uint32_t clients_free_index(const struct clients *clients)
{
	uint32_t index = 0;

	while (index < clients->capacity && clients->client[index].state != CLIENT_FREE)
		index++;
	return index;
}

bool clients_holds_slot(const struct clients *clients, const struct client *client)
{
	return client->slot < clients->slots->count &&
	       clients->slots->slot[client->slot].client == clients_index(clients, client);
}

void clients_set_live(struct clients *clients, uint32_t slot, bool is_live)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	if (!clients->is_classic)
		return;
	if (is_live)
		clients->live[slot / 64] |= bit;
	else
		clients->live[slot / 64] &= ~bit;
	clients->is_changed = true;
}

void clients_set_due(struct clients *clients, const struct client *client, bool is_due)
{
	bool *was_due = &clients->is_due[clients_index(clients, client)];

	clients->due += is_due;
	clients->due -= *was_due;
	*was_due = is_due;
}

void clients_watch(
    struct clients *clients, const struct client *client, uint32_t events, int operation)
{
	uint32_t index = clients_index(clients, client);
	struct epoll_event event = {.events = events, .data.u32 = index};

	if (epoll_ctl(clients->epoll, operation, clients->fd[index], &event))
		log_event("event=warning what=epoll_ctl error=%d", errno);
}
