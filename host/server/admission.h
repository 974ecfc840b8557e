/* SPDX-License-Identifier: MIT */
/*
 * admission.h - who may connect, how often, and with how much in flight.
 */
#ifndef ADMISSION_H
#define ADMISSION_H

#include "server/clients.h"

/*
 * Whether (client), whose SO_PEERCRED is known, may stay: CLIENTS_REASONS, or why not. Clients that
 * are closing count too, since what they were sent is still in flight.
 */
enum client_reason admission_check(const struct clients *clients, const struct client *client);

/*
 * The same of (slot), SLOTS_NONE for any: of a split region it may be a user's, who alone can write
 * its part.
 */
enum client_reason admission_check_slot(
    const struct clients *clients, const struct client *client, uint32_t slot);

/*
 * The messages that may be in flight to each client, so that those to all (capacity) of them
 * together stay below RLIMIT_NOFILE: above it the kernel refuses to send any descriptor
 * (ETOOMANYREFS; unix(7)).
 */
uint32_t admission_unread(uint32_t capacity);

/* Make a client's socket hold no more than (unread) messages. */
void admission_set_buffer(int fd, uint32_t unread);

#endif
