/* SPDX-License-Identifier: MIT */
/*
 * closing.c - the end of a connection.
 */
#include "server/closing.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/client_state.h"
#include "server/ids.h"
#include "server/protocol.h"
#include "wire/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Give the client's slot back; the slot keeps its eventfds. */
static void release(struct clients *clients, struct client *client, const char *reason)
{
	struct slot *slot;

	if (!clients_holds_slot(clients, client))
		return;
	slot = &clients->slots->slot[client->slot];
	log_event(
	    "event=disconnect slot=%u pid=%ld reason=%s", slot->id, (long)client->pid, reason);
	clients->counts->disconnects++;
	page_connection(clients->page, slot->id, false);
	clients_set_live(clients, client->slot, false);
	slot->client = SLOTS_NONE;
}

/*
 * FREE comes first: the supervisor gives the row to a new client as soon as it has LINK_DROP. A
 * server that takes over before that has a connection that is shut down, and closes it as a new
 * one.
 */
void closing_report(struct clients *clients, struct client *client)
{
	struct link_message message = {.kind = LINK_DROP, .index = clients_index(clients, client)};

	client_state_change(client, CLIENT_FREE, CLIENT_SERVING);
	if (clients->link >= 0 && link_send(clients->link, &message, NULL, 0) && errno != EPIPE)
		/* The link is full: timeouts_check() tries again. */
		client_state_change(client, CLIENT_GONE, CLIENT_SERVING);
	else
		clients->used--;
}

void closing_close(struct clients *clients, struct client *client, const char *reason)
{
	uint32_t index = clients_index(clients, client);

	if (!clients_holds_slot(clients, client))
		log_detail("event=gone pid=%ld reason=%s", (long)client->pid, reason);
	release(clients, client, reason);
	protocol_forget(clients, client);
	if (clients->is_classic)
		ids_forget(clients, client);
	/* A server that takes over sees by this that the connection is over, and not a new one. */
	shutdown(clients->fd[index], SHUT_RDWR);
	client_state_change(client, CLIENT_GONE, CLIENT_SERVING);
	/* Closing does not do this: the supervisor has a copy, and may be slow to close it. */
	epoll_ctl(clients->epoll, EPOLL_CTL_DEL, clients->fd[index], NULL);
	close(clients->fd[index]);
	clients->fd[index] = -1;
	closing_report(clients, client);
}

static void shut_down(struct clients *clients, struct client *client, const char *reason)
{
	uint32_t index = clients_index(clients, client);

	protocol_forget(clients, client);
	client->deadline_ns = clock_now_ns();
	client->lagging_ns = 0;
	clients->is_blocked[index] = false;
	clients_watch(clients, client, EPOLLRDHUP, EPOLL_CTL_MOD);
	if (shutdown(clients->fd[index], SHUT_WR))
		closing_close(clients, client, reason);
}

static void log_end(const struct clients *clients, const struct client *client, const char *reason)
{
	if (clients_holds_slot(clients, client))
		log_event("event=end slot=%u pid=%ld reason=%s", clients_id(clients, client),
		    (long)client->pid, reason);
}

void closing_shut_down(struct clients *clients, struct client *client, const char *reason)
{
	log_end(clients, client, reason);
	/* First: a client that is HANDSHAKING or READY knows what it was sent. */
	client_state_change(client, CLIENT_CLOSING, CLIENT_SERVING);
	shut_down(clients, client, reason);
}

void closing_resume(struct clients *clients, struct client *client)
{
	log_end(clients, client, "ended");
	shut_down(clients, client, "ended");
}
