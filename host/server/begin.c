/* SPDX-License-Identifier: MIT */
/*
 * begin.c - from ready to serving: what the last server left is taken over.
 */
#include "server/begin.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/admission.h"
#include "server/mapping.h"
#include "server/takeover.h"

#include <string.h>
#include <unistd.h>

/* This process has the descriptors as they were when it was started: make them what they are now. */
static void settle_descriptors(struct server *server)
{
	const struct state *state = &server->state;

	for (uint32_t i = 0; i < state->head->clients; i++)
		if (server->inherited[i] >= 0 && state->socket[i].fd != server->inherited[i])
			close(server->inherited[i]);
	for (uint32_t i = 0; i < server->rebind.removed_count; i++)
		close(server->listener[server->rebind.removed[i]].fd);
	for (uint32_t i = 0; i <= state->head->slots; i++) {
		server->listener[i].fd = state->listener[i].fd;
		/* What this process opened itself has another number in the supervisor. */
		for (uint32_t j = 0; j < server->rebind.added_count; j++)
			if (!strcmp(server->rebind.added[j].path, state->listener[i].path))
				server->listener[i].fd = server->rebind.added[j].fd;
	}
}

static void set_clients(struct server *server)
{
	struct state *state = &server->state;
	struct state_head *head = state->head;

	server->clients = (struct clients){.options = &server->options,
	    .slots = &server->slots,
	    .page = &server->page,
	    .counts = &head->counts,
	    .client = state->client,
	    .batch = state->batch,
	    .knows = state->knows,
	    .next_id = &head->next_id,
	    .told = state->told,
	    .capacity = head->clients,
	    .unread = admission_unread(head->clients),
	    .memory = head->memory,
	    .link = server->link,
	    .is_classic = head->classic};
}

int begin(struct server *server)
{
	struct state_head *head = server->state.head;
	struct ivsh_wire_server *words = NULL;

	if (!head->raw) {
		words = mapping_open(head->memory, head->page);
		if (!words)
			return -1;
	}
	settle_descriptors(server);
	takeover_repair(&server->state);
	if (page_open(&server->page, &head->page_words, words, head->vectors))
		return -1;
	set_clients(server);
	server->began_ns = clock_now_ns();
	control_open(&server->control, head->control);
	if (clients_open(&server->clients, &server->state) ||
	    loop_add(&server->loop, &server->clients_watch, server->clients.epoll) ||
	    loop_add(&server->loop, &server->control_watch, server->control.epoll))
		return -1;
	head->is_begun = 1;
	server->is_begun = true;
	return 0;
}
