/* SPDX-License-Identifier: MIT */
/*
 * ids.h - with --classic: which ID was sent to which clients, and so which can be given again.
 *
 * An ID that was sent to a QEMU and comes back as another peer makes that QEMU use memory that it
 * has freed, and free it twice (7.2, hw/misc/ivshmem.c, close_peer_eventfds()), also when it was
 * sent in between that the first peer left. So an ID is free when no client that is connected was
 * ever sent it. The sets are in the shared state, a bit for each ID and client.
 */
#ifndef IDS_H
#define IDS_H

#include "server/clients.h"

#include <stdbool.h>
#include <stdint.h>

/* Count the clients that were sent each ID, when their sockets and states are known. */
void ids_open(struct clients *clients);

/* Give the next free ID to (client), which counts as sent. False: there is none. */
bool ids_take(struct clients *clients, const struct client *client, uint32_t *id);

/* (client) is about to be sent (count) messages: whatever happens, it may know their IDs. */
void ids_expect(struct clients *clients, const struct client *client,
    const struct message *messages, uint32_t count);

/* Only the first (sent) of the (count) messages were sent. */
void ids_settle(struct clients *clients, const struct client *client,
    const struct message *messages, uint32_t count, uint32_t sent);

/* (client) has left: what it was sent no longer counts. */
void ids_forget(struct clients *clients, const struct client *client);

#endif
