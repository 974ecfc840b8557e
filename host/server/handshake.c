/* SPDX-License-Identifier: MIT */
/*
 * handshake.c - from a connection to a client that holds a slot.
 */
#include "server/handshake.h"
#include "process/clock.h"
#include "process/log.h"
#include "server/admission.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/ids.h"
#include "server/probe.h"
#include "server/refusal.h"
#include "server/sending.h"

#define WAIT_NS UINT64_C(1000000000) /* for the last client of a bound slot to go */

/* Give (client) the slot client->slot; or refuse it, if there is no ID for it. */
static void grant(struct clients *clients, struct client *client)
{
	struct slot *slot = &clients->slots->slot[client->slot];
	const char *name = clients->slots->names[client->slot];

	if (clients->is_classic) {
		uint32_t id;

		if (!ids_take(clients, client, &id)) {
			refusal_begin(clients, client, CLIENTS_IDS_EXHAUSTED);
			return;
		}
		slots_drain(clients->slots, client->slot);
		slot->id = id;
	}
	client->sent = 0;
	client->partial = SLOTS_NONE;
	slot->times++;
	state_store(&slot->client, clients_index(clients, client));
	client_state_change(client, CLIENT_HANDSHAKING, CLIENT_SERVING);
	clients->counts->connects++;
	log_event("event=connect slot=%u pid=%ld uid=%ld%s%s", slot->id, (long)client->pid,
	    (long)client->uid, name ? " name=" : "", name ? name : "");
	/* Before the first message: a client that knows its ID finds itself connected. */
	page_connection(clients->page, slot->id, true);
	clients_set_live(clients, client->slot, true);
}

/* The slot that a waiting client can have now: its bound one, or any; SLOTS_NONE. */
static uint32_t slot_for(const struct clients *clients, const struct client *client)
{
	if (client->slot == SLOTS_NONE)
		return slots_lowest_free(clients->slots);
	return clients->slots->slot[client->slot].client == SLOTS_NONE ? client->slot : SLOTS_NONE;
}

/* Classic: a slot without a holder becomes free when others were sent that its last peer left. */
static bool is_slot_coming(const struct clients *clients)
{
	for (uint32_t i = 0; clients->is_classic && i < clients->slots->count; i++)
		if (clients->slots->slot[i].client == SLOTS_NONE)
			return true;
	return false;
}

/* There is no slot on the common socket now, nor will there be one soon. */
static bool is_full(struct clients *clients, const struct client *client)
{
	if (client->slot != SLOTS_NONE || slot_for(clients, client) != SLOTS_NONE)
		return false;
	sending_announce(clients);
	return slot_for(clients, client) == SLOTS_NONE && !is_slot_coming(clients);
}

void handshake_begin(
    struct clients *clients, struct client *client, uint32_t slot, enum caller caller)
{
	enum client_reason reason = admission_check(clients, client);

	if (reason == CLIENTS_REASONS && caller == CALLER_PROBE) {
		probe_begin(clients, client);
		return;
	}
	if (reason == CLIENTS_REASONS)
		reason = admission_check_slot(clients, client, slot);
	client->slot = slot;
	if (clients->memories && caller == CALLER_CLIENT)
		client->parts = clients->slots->count;
	if (reason == CLIENTS_REASONS && is_full(clients, client))
		reason = CLIENTS_NO_FREE_SLOT;
	if (reason != CLIENTS_REASONS) {
		refusal_begin(clients, client, reason);
		return;
	}
	client->deadline_ns = clock_now_ns() + WAIT_NS;
	client_state_change(client, CLIENT_WAITING, CLIENT_SERVING);
	slot = slot_for(clients, client);
	if (slot != SLOTS_NONE) {
		client->slot = slot;
		grant(clients, client);
	}
}

void handshake_send(struct clients *clients, struct client *client, uint32_t room, uint32_t turns)
{
	if (client->state == CLIENT_REFUSED)
		refusal_send(clients, client);
	else if (client->state == CLIENT_HANDSHAKING)
		sending_send(clients, client, room, turns);
}

/* The client that has waited for longest, of those for which there is a slot; NULL: none. */
static struct client *next_waiting(struct clients *clients)
{
	struct client *next = NULL;

	for (uint32_t i = 0; i < clients->capacity; i++) {
		struct client *client = &clients->client[i];

		if (client->state == CLIENT_WAITING &&
		    (!next || client->deadline_ns < next->deadline_ns) &&
		    slot_for(clients, client) != SLOTS_NONE)
			next = client;
	}
	return next;
}

void handshake_admit_waiting(struct clients *clients)
{
	struct client *client;

	while ((client = next_waiting(clients))) {
		client->slot = slot_for(clients, client);
		grant(clients, client); /* it is WAITING no more, and the loop ends */
		handshake_send(clients, client, CLIENTS_BATCH, UINT32_MAX);
	}
}
