/* SPDX-License-Identifier: MIT */
/*
 * protocol.c - the server's messages after the handshake: eventfds of peers, and which peers left.
 *
 * A message is a peer's ID. With a descriptor: the next vector of that peer. Without one: the peer
 * has left; ivsh-server sends no such message, unless it runs with --classic. ivshmem-spec, "Server
 * client communication".
 */
#include "client/protocol.h"
#include "client/messages.h"
#include "client/peers.h"

#include <unistd.h>

/* Messages that one call handles: a server that sends without end must not keep us here. */
#define BATCH 4096u

/* The caller has passed (fd) on. 0, or -1 with client->error. */
static int handle_message(struct ivsh_client *client, int64_t value, int fd)
{
	if (fd >= 0) {
		if (ivsh_client_peers_add(client, value, fd) == 0)
			return 0;
		close(fd);
		return -1;
	}
	/* Our own eventfds stay: a server that sends that we left is mistaken. */
	if (value != (int64_t)client->mem.self)
		ivsh_client_peers_remove(client, value);
	return 0;
}

void ivsh_client_protocol_take(struct ivsh_client *client)
{
	enum messages_result result = MESSAGES_NONE;
	int64_t value;
	int fd;

	if (client->socket < 0)
		return;
	for (uint32_t i = 0; i < BATCH; i++) {
		result = ivsh_client_messages_next(client, &value, &fd);
		if (result != MESSAGES_ONE)
			break;
		if (handle_message(client, value, fd)) {
			result = MESSAGES_BROKEN;
			break;
		}
	}
	client->has_more = result == MESSAGES_ONE;
	if (result == MESSAGES_HANGUP)
		ivsh_client_fail(client, "the server hung up");
	if (result == MESSAGES_HANGUP || result == MESSAGES_BROKEN) {
		close(client->socket);
		client->socket = -1;
		client->is_connected = false;
	}
}
