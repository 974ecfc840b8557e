/* SPDX-License-Identifier: MIT */
/*
 * arrivals.c - connections that were accepted, and become clients.
 *
 * A row is FREE until its client is admitted. A server that takes over before that finds a FREE row
 * whose socket the supervisor holds: a connection that is new.
 */
#include "server/arrivals.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/admission.h"
#include "server/closing.h"
#include "server/handshake.h"
#include "server/protocol.h"
#include "server/reading.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define FEW 8u /* clients that come together and are sent a whole batch each */

/* The table is nearly full. */
static bool is_crowded(const struct clients *clients)
{
	return clients->used + CLIENTS_SPARE / 4 >= clients->capacity;
}

/* Make room: the client without an ID that has been closing for longest had its time. */
static void close_oldest(struct clients *clients)
{
	struct client *oldest = NULL;

	if (is_crowded(clients))
		reading_service(clients);
	if (!is_crowded(clients))
		return;
	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct client *client = &clients->client[i];

		if (client->state == CLIENT_CLOSING && !clients_holds_slot(clients, client) &&
		    (!oldest || client->deadline_ns < oldest->deadline_ns))
			oldest = client;
	}
	if (oldest)
		closing_close(clients, oldest, "table-full");
}

/* Put it in the table, and watch its socket. */
static void add(struct clients *clients, const struct arrival *arrival)
{
	struct client *client = &clients->client[arrival->index];
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	close_oldest(clients);
	getsockopt(arrival->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*client = (struct client){.state = CLIENT_FREE,
	    .slot = SLOTS_NONE,
	    .partial = SLOTS_NONE,
	    .pid = peer.pid,
	    .uid = peer.uid,
	    .gid = peer.gid,
	    .since_ns = clock_now_ns()};
	clients->fd[arrival->index] = arrival->fd;
	clients->is_blocked[arrival->index] = false;
	clients->used++;
	admission_set_buffer(arrival->fd, clients->unread);
	clients_watch(clients, client, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
}

/* It has not hung up, and its row is not another's by now. */
static bool is_there(const struct clients *clients, const struct arrival *arrival)
{
	return clients->fd[arrival->index] == arrival->fd;
}

void arrivals_add(
    struct clients *clients, const struct arrival *arrivals, uint32_t count, bool is_more)
{
	uint32_t room = is_more || count > FEW ? PROTOCOL_PREAMBLE : CLIENTS_BATCH;
	uint32_t turns = is_more || count > 1 ? 1 : UINT32_MAX;

	clients->is_hurried = room == PROTOCOL_PREAMBLE;
	for (uint32_t i = 0; i < count; i++)
		add(clients, &arrivals[i]);
	reading_service(clients);
	/* The log's lines about them go out together, and before what they are sent. */
	if (count > 1)
		log_hold();
	for (uint32_t i = 0; i < count; i++) {
		struct client *client = &clients->client[arrivals[i].index];

		if (is_there(clients, &arrivals[i]) && client->state == CLIENT_FREE)
			handshake_begin(clients, client, arrivals[i].slot, arrivals[i].caller);
	}
	log_release();
	for (uint32_t i = 0; i < count; i++)
		if (is_there(clients, &arrivals[i]))
			handshake_send(clients, &clients->client[arrivals[i].index], room, turns);
}
