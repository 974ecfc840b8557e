/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a server whose supervisor is gone.
 */
#include "server/alone.h"
#include "process/log.h"
#include "server/arrivals.h"

#include <unistd.h>

#define ALONE_TAKES 64u /* connections taken at once before others have their turn */

static void watch_listeners(struct server *server, bool on);

static void on_connection(struct watch *watch, uint32_t events)
{
	struct server *server = watch->context;

	(void)events;
	for (unsigned i = 0; i < ALONE_TAKES && !server->acceptor.is_paused; i++) {
		uint32_t index = clients_free_index(&server->clients);
		struct arrival arrival = {
		    index, -1, server->state.listener[watch->index].slot, CALLER_OTHER};

		if (index == server->clients.capacity)
			server->acceptor.is_paused = true;
		else
			arrival.fd = acceptor_take(&server->acceptor, watch->fd, &arrival.caller);
		if (server->acceptor.is_paused)
			watch_listeners(server, false);
		if (arrival.fd < 0)
			return;
		arrivals_add(&server->clients, &arrival, 1, true);
	}
}

/* Watch the listeners, or let connections wait in their queues. */
static void watch_listeners(struct server *server, bool on)
{
	for (uint32_t i = 0; i <= server->state.head->slots; i++) {
		struct watch *watch = &server->listener[i];

		if (!on) {
			loop_remove(&server->loop, watch);
		} else if (watch->fd >= 0) {
			watch->on_event = on_connection;
			watch->context = server;
			watch->index = i;
			loop_add(&server->loop, watch, watch->fd);
		}
	}
}

void alone_begin(struct server *server)
{
	log_event("event=warning what=supervisor-gone");
	loop_remove(&server->loop, &server->link_watch);
	close(server->link);
	server->link = server->clients.link = -1;
	if (server->is_begun)
		watch_listeners(server, true);
	else
		server->is_stopped = true;
}

void alone_tick(struct server *server)
{
	if (server->link >= 0 || !server->acceptor.is_paused)
		return;
	acceptor_tick(&server->acceptor);
	watch_listeners(server, true);
}
