/* SPDX-License-Identifier: MIT */
/*
 * reading.h - what comes from clients: hang-ups, room in sockets, and bytes that none may send.
 */
#ifndef READING_H
#define READING_H

#include "server/clients.h"

/* Take everything that clients->epoll has, and give the slots that are free then to who waits. */
void reading_service(struct clients *clients);

#endif
