/* SPDX-License-Identifier: MIT */
/*
 * timeouts.c - what is due by the clock, and what failed and is tried again.
 */
#include "server/timeouts.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/handshake.h"
#include "server/probe.h"
#include "server/protocol.h"
#include "server/refusal.h"
#include "server/sending.h"

/* No slot became free in time. */
static void refuse_waiting(struct clients *clients, struct client *client)
{
	refusal_begin(clients, client,
	    client->slot == SLOTS_NONE ? CLIENTS_NO_FREE_SLOT : CLIENTS_SLOT_IN_USE);
	refusal_send(clients, client);
}

/* (client) has not read for long. It is shown, and keeps its ID: clients.h. */
static void set_lagging(struct clients *clients, struct client *client, uint64_t now_ns)
{
	client->lagging_ns = now_ns - SENDING_READING_NS;
	clients->counts->slow++;
	log_event("event=lags slot=%u pid=%ld queued=%u", clients_id(clients, client),
	    (long)client->pid, protocol_left(clients, client));
}

static void check_served(struct clients *clients, struct client *client, uint64_t now_ns)
{
	bool is_late = now_ns >= client->deadline_ns;
	bool is_blocked = clients->is_blocked[clients_index(clients, client)];

	/* No event announced a retry: sending failed, for instance for want of memory. */
	if (!is_blocked && protocol_left(clients, client) > 0)
		sending_send_all(clients, client);
	else if (is_blocked && is_late && !client->lagging_ns)
		set_lagging(clients, client, now_ns);
}

static void check_timeout(struct clients *clients, struct client *client, uint64_t now_ns)
{
	if (client->state == CLIENT_GONE)
		closing_report(clients, client);
	else if (client->state == CLIENT_REFUSED)
		refusal_send(clients, client);
	else if (client->state == CLIENT_PROBING)
		probe_send(clients, client);
	else if (client->state == CLIENT_WAITING && now_ns >= client->deadline_ns)
		refuse_waiting(clients, client);
	else if (client_state_is_served(client))
		check_served(clients, client, now_ns);
}

void timeouts_check(struct clients *clients)
{
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; i < clients->capacity; i++)
		check_timeout(clients, &clients->client[i], now_ns);
	handshake_admit_waiting(clients);
}
