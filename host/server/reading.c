/* SPDX-License-Identifier: MIT */
/*
 * reading.c - what comes from clients.
 */
#include "server/reading.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/handshake.h"
#include "server/probe.h"
#include "server/sending.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define EVENTS 256

/* The client has hung up, or wrote, which no client has reason to. */
static void read_socket(struct clients *clients, struct client *client)
{
	unsigned char bytes[64];
	ssize_t got;

	if (client->state == CLIENT_CLOSING) {
		closing_close(clients, client, "closed");
		return;
	}
	got = recv(clients->fd[clients_index(clients, client)], bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* An INDETERMINATE client may lack its memory: QEMU spins at an end before that. */
	if (got > 0 && client->state != CLIENT_INDETERMINATE)
		closing_shut_down(clients, client, "sent-bytes");
	else if (got <= 0)
		closing_close(clients, client, got == 0 ? "hang-up" : "error");
}

static void take_event(struct clients *clients, struct client *client, uint32_t events)
{
	bool is_hung_up = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);

	if (client->state == CLIENT_FREE) {
		/* It has just come, and is admitted later: if it has gone, its peers never know. */
		if (is_hung_up)
			closing_close(clients, client, "hang-up");
	} else if (is_hung_up || events & EPOLLIN) {
		read_socket(clients, client);
	} else if (client->state == CLIENT_PROBING) {
		probe_send(clients, client);
	} else if (client_state_is_served(client)) {
		sending_send_all(clients, client);
	}
}

void reading_service(struct clients *clients)
{
	struct epoll_event events[EVENTS];
	int count;

	do {
		count = epoll_wait(clients->epoll, events, EVENTS, 0);
		for (int i = 0; i < count; i++) {
			uint32_t index = events[i].data.u32;

			/* It may have been closed by an event before this one. */
			if (clients->fd[index] >= 0)
				take_event(clients, &clients->client[index], events[i].events);
		}
	} while (count == EVENTS);
	handshake_admit_waiting(clients);
}
