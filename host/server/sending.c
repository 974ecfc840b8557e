/* SPDX-License-Identifier: MIT */
/*
 * sending.c - what clients are yet to be sent, and when.
 */
#include "server/sending.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/batch.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/ids.h"
#include "server/protocol.h"

#include <errno.h>
#include <sys/epoll.h>

#define PACE_NS UINT64_C(5000000) /* from one announcement to the next */
#define TURNS 4u                  /* batches that are sent before the next events */

/* How one batch went. */
enum outcome {
	SENT,    /* some of it at least */
	FULL,    /* the socket takes nothing more until EPOLLOUT */
	FAILED,  /* no event announces the next try: timeouts_check() makes it */
	HUNG_UP, /* the other end is closed */
};

static enum outcome outcome_of(const struct client *client, int sent, int error)
{
	if (sent > 0 || error == EINTR)
		return SENT;
	if (error == EAGAIN || error == EWOULDBLOCK)
		return FULL;
	if (error == EPIPE || error == ECONNRESET)
		return HUNG_UP;
	/* ETOOMANYREFS, ENOMEM, ENOBUFS */
	log_detail("event=warning what=send pid=%ld error=%d", (long)client->pid, error);
	return FAILED;
}

/* Send the first (count) messages of the batch, and record what went. The order: sending.h. */
static enum outcome send_batch(struct clients *clients, struct client *client, uint32_t count)
{
	uint32_t index = clients_index(clients, client);
	struct batch *batch = clients->batch;
	int sent, error;

	batch_prepare(batch, index, client, count);
	state_store(&client->sending, count);
	if (clients->is_classic)
		ids_expect(clients, client, batch->message, count);
	sent = batch_send(clients->fd[index], batch);
	error = errno;
	if (clients->is_classic)
		ids_settle(clients, client, batch->message, count, sent > 0 ? (uint32_t)sent : 0);
	if (sent > 0)
		protocol_record(clients, client, batch->message, (uint32_t)sent);
	state_store(&client->sending, 0);
	if (sent > 0)
		client->deadline_ns = clock_now_ns() + SENDING_READING_NS;
	return outcome_of(client, sent, error);
}

/* (client) was sent everything: it has read what it lagged behind with. */
static void caught_up(struct clients *clients, struct client *client)
{
	if (client->lagging_ns)
		log_event("event=reads slot=%u pid=%ld after_ms=%llu", clients_id(clients, client),
		    (long)client->pid,
		    (unsigned long long)(clock_now_ns() - client->lagging_ns) / 1000000);
	client->lagging_ns = 0;
}

/* Wait for room in the socket of (client), or no longer. */
static void set_blocked(struct clients *clients, const struct client *client, bool is_blocked)
{
	bool *was_blocked = &clients->is_blocked[clients_index(clients, client)];

	if (*was_blocked == is_blocked)
		return;
	*was_blocked = is_blocked;
	clients_watch(
	    clients, client, EPOLLIN | EPOLLRDHUP | (is_blocked ? EPOLLOUT : 0u), EPOLL_CTL_MOD);
}

void sending_send(struct clients *clients, struct client *client, uint32_t room, uint32_t turns)
{
	enum outcome outcome = SENT;
	uint32_t count = 0;

	clients_set_due(clients, client, false);
	while (outcome == SENT &&
	       (count = protocol_next(clients, client, clients->batch->message, room)) > 0) {
		if (turns-- == 0) {
			clients_set_due(clients, client, true);
			break;
		}
		outcome = send_batch(clients, client, count);
	}
	if (outcome == HUNG_UP)
		closing_close(clients, client, "send-failed");
	if (outcome == HUNG_UP || outcome == FAILED)
		return;
	if (count == 0)
		caught_up(clients, client);
	if (client->state == CLIENT_HANDSHAKING && protocol_is_handshake_done(clients, client)) {
		client_state_change(client, CLIENT_READY, CLIENT_SERVING);
		log_detail("event=handshake-done slot=%u", clients_id(clients, client));
	}
	set_blocked(clients, client, outcome == FULL);
}

void sending_send_all(struct clients *clients, struct client *client)
{
	sending_send(clients, client, CLIENTS_BATCH, UINT32_MAX);
}

/* Something can be sent to (client), and there is something. */
static bool is_message_due(const struct clients *clients, const struct client *client)
{
	return client_state_is_served(client) &&
	       !clients->is_blocked[clients_index(clients, client)] &&
	       protocol_left(clients, client) > 0;
}

void sending_announce(struct clients *clients)
{
	/* Sending finds clients that have hung up, which is the next change. */
	while (clients->is_changed) {
		clients->is_changed = false;
		for (uint32_t i = 0; i < clients->capacity; i++)
			if (is_message_due(clients, &clients->client[i]))
				sending_send_all(clients, &clients->client[i]);
	}
}

/* Each client that has something to be sent has a turn to come. Answers whether there is one. */
static bool set_all_due(struct clients *clients)
{
	clients->is_changed = false;
	for (uint32_t i = 0; i < clients->capacity; i++)
		if (is_message_due(clients, &clients->client[i]))
			clients_set_due(clients, &clients->client[i], true);
	return clients->due > 0;
}

/* The next client that has a turn to come. */
static struct client *next_due(struct clients *clients)
{
	uint32_t index;

	do
		index = clients->turn++ % clients->capacity;
	while (!clients->is_due[index]);
	return &clients->client[index];
}

/* A batch to each of the next clients; to one while others wait for their first messages. */
static void take_turns(struct clients *clients)
{
	unsigned limit = clients->is_hurried ? 1 : TURNS;

	clients->is_hurried = false;
	for (unsigned turns = 0; turns < limit && clients->due > 0; turns++) {
		struct client *client = next_due(clients);

		if (client_state_is_served(client) &&
		    !clients->is_blocked[clients_index(clients, client)])
			sending_send(clients, client, CLIENTS_BATCH, 1);
		else
			clients_set_due(clients, client, false);
	}
}

int sending_take_turns(struct clients *clients)
{
	uint64_t now_ns, since_ns;
	int wait_ms = -1;

	if (clients->is_changed) {
		now_ns = clock_now_ns();
		since_ns = now_ns - clients->announced_ns;
		if (since_ns < PACE_NS)
			wait_ms = (int)((PACE_NS - since_ns + 999999) / 1000000);
		else if (set_all_due(clients))
			clients->announced_ns = now_ns;
	}
	take_turns(clients);
	return clients->due > 0 ? 0 : wait_ms;
}
