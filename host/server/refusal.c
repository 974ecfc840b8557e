/* SPDX-License-Identifier: MIT */
/*
 * refusal.c - a client is refused by a protocol version that it does not know.
 */
#include "server/refusal.h"
#include "process/caller.h"
#include "process/log.h"
#include "server/batch.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/protocol.h"

#include <errno.h>

static const char *const reasons[CLIENTS_REASONS] = {
    [CLIENTS_NO_FREE_SLOT] = "no-free-slot",
    [CLIENTS_SLOT_IN_USE] = "slot-in-use",
    [CLIENTS_NOT_ALLOWED] = "not-allowed",
    [CLIENTS_TOO_MANY_PER_UID] = "too-many-per-uid",
    [CLIENTS_DESCRIPTORS] = "descriptors",
    [CLIENTS_IDS_EXHAUSTED] = "ids-exhausted",
};

const char *refusal_reason(enum client_reason reason)
{
	return reasons[reason];
}

void refusal_begin(struct clients *clients, struct client *client, enum client_reason reason)
{
	log_event("event=refuse pid=%ld uid=%ld reason=%s", (long)client->pid, (long)client->uid,
	    refusal_reason(reason));
	clients->counts->refused[reason]++;
	/* The next server reads the reason only of a client that is REFUSED. */
	client->reason = reason;
	client_state_change(client, CLIENT_REFUSED, CLIENT_SERVING);
}

void refusal_send(struct clients *clients, struct client *client)
{
	uint32_t index = clients_index(clients, client);
	int sent;

	clients->batch->message[0] = (struct message){PROTOCOL_REFUSAL, -1, SLOTS_NONE, 0};
	batch_prepare(clients->batch, index, client, 1);
	state_store(&client->sending, 1);
	sent = batch_send(clients->fd[index], clients->batch);
	state_store(&client->sending, 0);
	if (sent < 0 && (errno == ENOMEM || errno == ENOBUFS || errno == EINTR))
		return;
	/* The client has the version, which stays readable after the end. */
	caller_send_reason(clients->fd[index], refusal_reason(client->reason));
	closing_close(clients, client, "refused");
}
