/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - from a connection to a client that holds a slot: which client gets which slot.
 *
 * A server that takes over finds a client that waits, or that is given a slot at this moment, as a
 * new connection: nothing was sent to it, and slot->client is stored before the state, so a slot
 * whose holder is not HANDSHAKING yet is free again.
 */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "process/caller.h"
#include "server/clients.h"

/*
 * Admit (client), which came by the socket of (slot), SLOTS_NONE for the common one: it holds a
 * slot, or waits for one, or is refused; a probe is sent the memory. Nothing else is sent yet.
 */
void handshake_begin(
    struct clients *clients, struct client *client, uint32_t slot, enum caller caller);

/*
 * Send (client) its first messages, in (turns) batches of at most (room) each; or its refusal. None
 * to a client that waits.
 */
void handshake_send(struct clients *clients, struct client *client, uint32_t room, uint32_t turns);

/* Give slots that have become free to the clients that wait for them, the longest waiting first. */
void handshake_admit_waiting(struct clients *clients);

#endif
