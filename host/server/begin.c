/* SPDX-License-Identifier: MIT */
/*
 * begin.c - from ready to serving: what the last server left is taken over.
 */
#include "server/begin.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/admission.h"
#include "server/mapping.h"
#include "server/release.h"
#include "server/report.h"
#include "server/resume.h"
#include "server/takeover.h"

#include <string.h>
#include <unistd.h>

/*
 * This process has the descriptors as they were when it was started: make them what they are now.
 */
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
		/* A socket that this process opened has another number in the supervisor. */
		for (uint32_t j = 0; j < server->rebind.added_count; j++)
			if (!strcmp(server->rebind.added[j].path, state->listener[i].path))
				server->listener[i].fd = server->rebind.added[j].fd;
	}
}

int begin(struct server *server)
{
	struct state_head *head = server->state.head;
	struct ivsh_wire_server *words = NULL;

	if (!head->raw) {
		words = mapping_open(&server->state);
		if (!words)
			return -1;
	}
	settle_descriptors(server);
	takeover_repair(&server->state);
	if (page_open(&server->page, &head->page_words, words, head->vectors))
		return -1;
	if (head->split)
		page_copy(&server->page, mapping_copies(), head->slots);
	server->clients = (struct clients){.options = &server->options,
	    .slots = &server->slots,
	    .page = &server->page,
	    .unread = admission_unread(head->clients),
	    .link = server->link};
	server->began_ns = clock_now_ns();
	server->control.report = report_make;
	server->control.release = release_make;
	server->control.context = server;
	control_open(&server->control, head->control);
	if (clients_open(&server->clients, &server->state))
		return -1;
	resume_clients(&server->clients, &server->state);
	if (loop_add(&server->loop, &server->clients_watch, server->clients.epoll) ||
	    loop_add(&server->loop, &server->control_watch, server->control.epoll))
		return -1;
	head->is_begun = 1;
	server->is_begun = true;
	return 0;
}
