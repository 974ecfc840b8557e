/* SPDX-License-Identifier: MIT */
/*
 * announcements.c - what the server says after the memory: who can be rung, and who left.
 *
 * (peer) with a descriptor: the next vector of that peer. (peer) without one: it left; our own
 * server never says that. ivshmem-spec, "Server client communication".
 */
#include "client/protocol.h"
#include "client/messages.h"
#include "client/peers.h"

#include <stdio.h>
#include <unistd.h>

/* Messages taken at one go: a server that floods us does not keep us for ever. */
#define BATCH 4096u

/* One message. Answers 0, or -1 with client->error; (fd) is used up either way. */
static int handle_message(struct client *client, int64_t value, int fd)
{
	if (fd >= 0) {
		if (peers_add(client, value, fd) == 0)
			return 0;
		close(fd);
		return -1;
	}
	/* Our own eventfds stay: a server that says that we left is mistaken. */
	if (value != (int64_t)client->mem.self)
		peers_remove(client, value);
	return 0;
}

uint32_t protocol_take(struct client *client)
{
	enum messages_result result = MESSAGES_NONE;
	uint32_t taken = 0;
	int64_t value;
	int fd;

	if (client->socket < 0)
		return 0;
	while (taken < BATCH) {
		result = messages_next(client, &value, &fd);
		if (result != MESSAGES_ONE)
			break;
		taken++;
		if (handle_message(client, value, fd)) {
			result = MESSAGES_BROKEN;
			break;
		}
	}
	if (result == MESSAGES_HANGUP)
		snprintf(client->error, sizeof(client->error), "the server hung up");
	if (result == MESSAGES_HANGUP || result == MESSAGES_BROKEN) {
		close(client->socket);
		client->socket = -1;
		client->connected = false;
	}
	return taken;
}
