/* SPDX-License-Identifier: MIT */
/*
 * probe.c - a probe is sent the memory, without a slot.
 *
 * A server that takes over finds a probe that was sent all as a connection that is new, or over,
 * and one that is PROBING as one to close: its next try is another connection.
 */
#include "server/probe.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/batch.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/protocol.h"
#include "server/sending.h"

#include <errno.h>
#include <sys/epoll.h>

/* The next messages for (client), into the batch: how many. */
static uint32_t plan(struct clients *clients, const struct client *client)
{
	const struct message preamble[PROTOCOL_PREAMBLE] = {{PROTOCOL_VERSION, -1, SLOTS_NONE, 0},
	    {PROTOCOL_NO_ID, -1, SLOTS_NONE, 0}, {-1, clients->memory, SLOTS_NONE, 0}};
	uint32_t all = PROTOCOL_PREAMBLE + (clients->memories ? clients->slots->count : 0);
	uint32_t count = 0;

	for (uint32_t at = client->sent; at < all && count < CLIENTS_BATCH; at++)
		clients->batch->message[count++] =
		    at < PROTOCOL_PREAMBLE
			? preamble[at]
			: protocol_part(clients, at - PROTOCOL_PREAMBLE, SLOTS_NONE);
	return count;
}

/* Send the first (count) messages of the batch. Answers whether some went; else errno says why. */
static bool send_batch(struct clients *clients, struct client *client, uint32_t count)
{
	uint32_t index = clients_index(clients, client);
	int sent;

	batch_prepare(clients->batch, index, client, count);
	state_store(&client->sending, count);
	sent = batch_send(clients->fd[index], clients->batch);
	state_store(&client->sending, 0);
	client->sent += sent > 0 ? (uint32_t)sent : 0;
	return sent > 0;
}

/* Send what the socket takes now. Answers whether (client) was sent everything. */
static bool send_all(struct clients *clients, struct client *client)
{
	uint32_t count = plan(clients, client);

	while (count > 0 && send_batch(clients, client, count))
		count = plan(clients, client);
	return count == 0;
}

static bool is_try_worth(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOMEM ||
	       error == ENOBUFS || error == ETOOMANYREFS;
}

void probe_begin(struct clients *clients, struct client *client)
{
	bool is_done = send_all(clients, client);
	int error = errno;

	log_detail("event=probe pid=%ld uid=%ld", (long)client->pid, (long)client->uid);
	if (is_done) {
		closing_shut_down(clients, client, "probed");
	} else if (!is_try_worth(error)) {
		closing_close(clients, client, "send-failed");
	} else {
		client->deadline_ns = clock_now_ns() + SENDING_READING_NS;
		client_state_change(client, CLIENT_PROBING, CLIENT_SERVING);
		clients_watch(clients, client, EPOLLIN | EPOLLRDHUP | EPOLLOUT, EPOLL_CTL_MOD);
	}
}

void probe_send(struct clients *clients, struct client *client)
{
	uint32_t before = client->sent;
	bool is_done = send_all(clients, client);
	int error = errno;

	if (is_done)
		closing_shut_down(clients, client, "probed");
	else if (!is_try_worth(error))
		closing_close(clients, client, "send-failed");
	else if (client->sent != before)
		client->deadline_ns = clock_now_ns() + SENDING_READING_NS;
	else if (clock_now_ns() >= client->deadline_ns)
		closing_close(clients, client, "slow");
}
