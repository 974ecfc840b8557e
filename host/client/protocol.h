/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - the server's messages after the handshake: eventfds of peers, and which peers left.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "client/types.h"

/*
 * Handle all messages that have come, without waiting. If the server has closed the connection or
 * broken the protocol, the socket is closed, is_connected is false and client->error says why.
 */
void ivsh_client_protocol_take(struct ivsh_client *client);

#endif
