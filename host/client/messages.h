/* SPDX-License-Identifier: MIT */
/*
 * messages.h - the server's messages: 8 bytes and perhaps a descriptor, one at a time.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "client/types.h"

enum messages_result {
	MESSAGES_ONE,    /* a whole message is in *value and *fd */
	MESSAGES_NONE,   /* nothing more now */
	MESSAGES_HANGUP, /* the server has closed the connection */
	MESSAGES_BROKEN, /* client->error says why */
};

/*
 * Receive the next message without waiting. *fd is its descriptor, close-on-exec, which the caller
 * closes; -1: none. (client) keeps a message that has come in part for the next call.
 */
enum messages_result ivsh_client_messages_next(struct ivsh_client *client, int64_t *value, int *fd);

#endif
