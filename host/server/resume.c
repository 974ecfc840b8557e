/* SPDX-License-Identifier: MIT */
/*
 * resume.c - a server goes on with the clients of the one before.
 */
#include "server/resume.h"
#include "process/caller.h"
#include "server/arrivals.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/ids.h"
#include "server/reading.h"
#include "server/sending.h"

#include <sys/epoll.h>

/* Classic: count the peers that are there, and the clients that know each of them. */
static void count_known(struct clients *clients)
{
	uint32_t words = state_words(clients->slots->count);

	for (uint32_t i = 0; i < clients->capacity; i++)
		for (uint32_t slot = 0; slot < clients->slots->count; slot++)
			if (clients->knows[i * words + slot / 64] >> slot % 64 & 1)
				clients->slots->known[slot]++;
	for (uint32_t i = 0; i < clients->slots->count; i++)
		if (clients->slots->slot[i].client != SLOTS_NONE)
			clients_set_live(clients, i, true);
}

/* Name each slot's holder in the page, whatever was on its way when the last server died. */
static void publish(struct clients *clients)
{
	const struct slots *slots = clients->slots;

	for (uint32_t id = 0; id < IVSH_WIRE_SLOTS_MAX; id++) {
		bool is_held = false;

		for (uint32_t i = 0; i < slots->count && !is_held; i++)
			is_held = slots->slot[i].id == id && slots->slot[i].client != SLOTS_NONE;
		page_connection(clients->page, id, is_held);
	}
}

/* A client of the last server, in the state that takeover_repair() left it in. */
static void go_on(struct clients *clients, struct client *client)
{
	bool is_closing = client->state == CLIENT_CLOSING;

	clients->used++;
	clients_watch(
	    clients, client, is_closing ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
	if (is_closing)
		closing_resume(clients, client);
	else if (client_state_is_served(client))
		sending_send_all(clients, client);
}

/* A connection that the last server had yet to admit. */
static void add_again(struct clients *clients, uint32_t index, uint32_t slot)
{
	int fd = clients->fd[index];
	const struct arrival arrival = {index, fd, slot, caller_of(fd)};

	arrivals_add(clients, &arrival, 1, true);
}

void resume_clients(struct clients *clients, const struct state *state)
{
	if (clients->is_classic) {
		ids_open(clients);
		count_known(clients);
	}
	publish(clients);
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients->fd[i] >= 0 && clients->client[i].state != CLIENT_FREE)
			go_on(clients, &clients->client[i]);
	reading_service(clients);
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (clients->fd[i] >= 0 && clients->client[i].state == CLIENT_FREE)
			add_again(clients, i, state->socket[i].slot);
}
