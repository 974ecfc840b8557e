/* SPDX-License-Identifier: MIT */
/*
 * notices.h - what a client has yet to be told: computed from what is and what it knows.
 *
 * ivshmem-spec, "Server client communication". First come the protocol version, the client's ID,
 * and the memory (-1 and its descriptor). Then come the other peers, in ascending order, and last
 * the client itself: for each as many messages as there are vectors, its ID with an eventfd. Slots
 * are all there from the start. With --classic it goes on: a peer that comes is told in the same
 * way, and one that leaves by its ID without a descriptor; one that came and left before a client
 * was told is not told to it at all. So nothing is queued, nothing is lost, and nothing grows.
 */
#ifndef NOTICES_H
#define NOTICES_H

#include "server/clients.h"

#include <stdint.h>

#define NOTICES_VERSION 0 /* QEMU, include/hw/misc/ivshmem.h: IVSHMEM_PROTOCOL_VERSION */
#define NOTICES_REFUSAL CALLER_REFUSAL
#define NOTICES_NO_ID -1 /* in the place of an ID, for who only looks: caller.h */
#define NOTICES_HEAD 3u  /* QEMU waits for these, and spins for ever if the socket closes before */

/* The next notices for a client in (slot): at most (room), and 0 only when it knows everything. */
uint32_t notices_plan(
    const struct clients *clients, const struct client *client, struct notice *plan, uint32_t room);

/* It was told the first (count) of them. clients->slots->known is NULL where nobody counts yet. */
void notices_told(
    struct clients *clients, struct client *client, const struct notice *plan, uint32_t count);

/* It knows what a client is told when it connects. */
bool notices_is_greeted(const struct clients *clients, const struct client *client);

/* How many notices it has yet to get. */
uint32_t notices_left(const struct clients *clients, const struct client *client);

/* Classic: (client) is gone, and what it knew is of no interest. */
void notices_forget(struct clients *clients, struct client *client);

#endif
