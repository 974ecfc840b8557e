/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - the messages that a client has yet to be sent: computed from what there is, and from
 * what it was sent.
 *
 * ivshmem-spec, "Server client communication". First the server sends the protocol version, the
 * client's ID, and the memory (-1 and its descriptor). In a split region our own client is sent the
 * parts next: for each slot N in ascending order PROTOCOL_PART - N and a descriptor. QEMU is not:
 * it takes a value below -1 for an error. Then the server sends the other peers, in ascending
 * order, and last the client itself: for each as many messages as there are vectors, each with the
 * peer's ID and an eventfd. Slots are all there from the start. With --classic it goes on: a peer
 * that comes is sent in the same way, and one that leaves by its ID without a descriptor; one that
 * came and left before a client was sent it is never sent. So nothing is queued, nothing is lost,
 * and nothing grows.
 */
#ifndef SERVER_PROTOCOL_H
#define SERVER_PROTOCOL_H

#include "process/caller.h"
#include "server/clients.h"

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_VERSION 0 /* QEMU, include/hw/misc/ivshmem.h: IVSHMEM_PROTOCOL_VERSION */
#define PROTOCOL_REFUSAL CALLER_REFUSAL
#define PROTOCOL_NO_ID -1 /* in place of an ID, for a probe: caller.h */

/* Less the slot: the slot's part, which its own client can write, and others only read. */
#define PROTOCOL_PART -2

/*
 * Version, ID and memory. QEMU 7.2 waits for these, and spins for ever if the socket closes before
 * (hw/misc/ivshmem.c, ivshmem_recv_msg()). They always fit in a new socket's buffer.
 */
#define PROTOCOL_PREAMBLE 3u

/*
 * The part of (slot) of a split region, as (reader) gets it: SLOTS_NONE, or the slot that it holds.
 */
struct message protocol_part(const struct clients *clients, uint32_t slot, uint32_t reader);

/*
 * The next messages for (client), which holds a slot: at most (room) into (messages). Answers how
 * many; 0 only when the client was sent everything.
 */
uint32_t protocol_next(const struct clients *clients, const struct client *client,
    struct message *messages, uint32_t room);

/*
 * Record that (client) was sent (count) of (messages). clients->slots->known is NULL in a takeover,
 * when nobody counts yet.
 */
void protocol_record(
    struct clients *clients, struct client *client, const struct message *messages, uint32_t count);

/* The handshake is done: (client) was sent all that a client is sent when it connects. */
bool protocol_is_handshake_done(const struct clients *clients, const struct client *client);

/* How many messages (client) has yet to be sent. */
uint32_t protocol_left(const struct clients *clients, const struct client *client);

/* Classic: (client) has left, or is sent nothing more: what it knows no longer counts. */
void protocol_forget(struct clients *clients, struct client *client);

#endif
