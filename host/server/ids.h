/* SPDX-License-Identifier: MIT */
/*
 * ids.h - with --classic: which ID was told to whom, and so which can be given again.
 *
 * An ID that was told to a QEMU and comes back as another peer makes that QEMU use memory that it has
 * freed, and free it twice (7.2, hw/misc/ivshmem.c, close_peer_eventfds()), also when it was told in
 * between that the first one left. So an ID is free when nobody who is connected was ever told it,
 * whoever else was. The sets are in the state, a bit for each ID and client.
 */
#ifndef IDS_H
#define IDS_H

#include "server/clients.h"
#include "server/notices.h"

#include <stdbool.h>
#include <stdint.h>

/* Count who was told what, when clients->fd and the clients' states are known. 0, or -1. */
int ids_open(struct clients *clients);

/* Give the next free one to the client in (place), who is told it. False: there is none. */
bool ids_take(struct clients *clients, uint32_t place, uint32_t *id);

/* It is about to be sent (count) notices: whatever happens, it may know of them. */
void ids_expect(struct clients *clients, uint32_t place, const struct notice *plan, uint32_t count);

/* Only the first (sent) of them were sent. */
void ids_settle(struct clients *clients, uint32_t place, const struct notice *plan, uint32_t count,
    uint32_t sent);

/* It is gone, and what it was told is of no interest. */
void ids_forget(struct clients *clients, uint32_t place);

#endif
