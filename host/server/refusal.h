/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - a client is refused by a protocol version that it does not know, and then closed.
 *
 * QEMU 7.2 spins for ever when the socket ends before the memory has come (hw/misc/ivshmem.c,
 * ivshmem_recv_msg()). With a wrong version QEMU prints an error and gives up. So no client that
 * was sent the right version, or perhaps was, is closed before it has its memory.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "server/clients.h"

/* Decide to refuse (client), to which nothing was sent; refusal_send() sends the refusal. */
void refusal_begin(struct clients *clients, struct client *client, enum client_reason reason);

/*
 * Send (client), which is REFUSED, its refusal, and close it. If that fails for want of memory it
 * stays REFUSED, for timeouts_check() to try again.
 */
void refusal_send(struct clients *clients, struct client *client);

/* The reason in a word, as it stands in the log and in the status. */
const char *refusal_reason(enum client_reason reason);

#endif
