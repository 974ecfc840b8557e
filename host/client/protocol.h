/* SPDX-License-Identifier: MIT */
/*
 * announcements.h - what the server says after the memory: who can be rung, and who left.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "client/client.h"

/*
 * Take everything that has arrived, without waiting. Answers how many messages that were. When the
 * server hung up or broke the protocol, the socket is closed, connected is false and client->error
 * says why.
 */
uint32_t protocol_take(struct client *client);

#endif
