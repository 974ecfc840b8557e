/* SPDX-License-Identifier: MIT */
/*
 * reading.h - what comes from clients: hang-ups, room in sockets, and bytes that none may send.
 */
#ifndef READING_H
#define READING_H

#include "server/clients.h"

/* Take all events of clients->epoll, and give the slots that are free then to waiting clients. */
void reading_service(struct clients *clients);

#endif
