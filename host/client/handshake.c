/* SPDX-License-Identifier: MIT */
/*
 * handshake.c - from the path of a server's socket to ID, memory and eventfds.
 */
#include "client/handshake.h"
#include "client/messages.h"
#include "client/parts.h"
#include "client/peers.h"
#include "client/protocol.h"
#include "process/clock.h"

#include <ivsh/wire.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VERSION 0     /* the only version; QEMU, include/hw/misc/ivshmem.h */
#define QUIET_MS 50   /* for so long without a message, and all eventfds have come */
#define LATE_MS 1000  /* the same where the server's page says that they have not */
#define RETRY_MS 5    /* between two attempts while the server's backlog is full */
#define REASON_MS 200 /* for the reason, which ivsh-server sends at once */

/*
 * Bind our socket to an abstract address that no other process has. Without it the server treats us
 * as any other client, so a failure does not matter.
 */
static void bind_name(const struct ivsh_client *client, const char *purpose)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t random;
	int size;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = clock_now_ns();
	size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
	    "ivsh-%s-%ld-%016" PRIx64, purpose, (long)getpid(), random);
	(void)!bind(client->socket, (struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size));
}

int ivsh_client_handshake_connect(
    struct ivsh_client *client, const char *path, const char *purpose, uint64_t deadline_ns)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return ivsh_client_fail(client, "a socket's path has at most 107 bytes");
	strcpy(address.sun_path, path);
	client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->socket < 0)
		return ivsh_client_fail(client, "socket: %s", strerror(errno));
	bind_name(client, purpose);
	/* EAGAIN: the server's backlog is full (unix(7)); poll(2) cannot wait for that. */
	while (connect(client->socket, (struct sockaddr *)&address, sizeof(address))) {
		if (errno != EAGAIN && errno != EINTR)
			return ivsh_client_fail(client, "connect: %s", strerror(errno));
		if (clock_left_ms(deadline_ns) == 0)
			return ivsh_client_fail(client, "connect: the server does not accept");
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

/* Wait for the next message of the handshake. 0, or -1 with client->error. */
static int await_message(struct ivsh_client *client, uint64_t deadline_ns, int64_t *value, int *fd)
{
	struct pollfd ready = {.fd = client->socket, .events = POLLIN};

	for (;;) {
		switch (ivsh_client_messages_next(client, value, fd)) {
		case MESSAGES_ONE:
			return 0;
		case MESSAGES_HANGUP:
			return ivsh_client_fail(client, "the server hung up in the handshake");
		case MESSAGES_BROKEN:
			return -1;
		case MESSAGES_NONE:
			break;
		}
		if (clock_left_ms(deadline_ns) == 0)
			return ivsh_client_fail(client, "the server is silent in the handshake");
		poll(&ready, 1, clock_left_ms(deadline_ns));
	}
}

/* Read the line that ivsh-server sends with a refusal: "refused reason=WORD"; "" without one. */
static void read_reason(const struct ivsh_client *client, char reason[32])
{
	static const char begin[] = "refused reason=";
	struct pollfd ready = {.fd = client->socket, .events = POLLIN};
	char line[64] = "";
	size_t got = 0;

	while (got < sizeof(line) - 1 && !strchr(line, '\n') && poll(&ready, 1, REASON_MS) == 1) {
		ssize_t more =
		    recv(client->socket, line + got, sizeof(line) - 1 - got, MSG_DONTWAIT);

		if (more <= 0)
			break;
		got += (size_t)more;
		line[got] = '\0';
	}
	*reason = '\0';
	if (!strncmp(line, begin, sizeof(begin) - 1))
		snprintf(reason, 32, "%.*s",
		    (int)strspn(line + sizeof(begin) - 1, "abcdefghijklmnopqrstuvwxyz-"),
		    line + sizeof(begin) - 1);
}

/* The server sent another version: it is no such server, or ivsh-server refuses us. Returns -1. */
static int explain_refusal(struct ivsh_client *client, int64_t version)
{
	static const struct {
		const char *reason, *text;
	} texts[] = {
	    {"no-free-slot", "as it does when no slot is free: ivsh ls shows who is there"},
	    {"slot-in-use", "since the slot of this socket is in use: ivsh ls shows by whom"},
	    {"not-allowed", "since its --allow names neither this user nor a group of it"},
	    {"too-many-per-uid", "since this user has as many connections as --per-uid allows"},
	    {"descriptors", "since it ran out of file descriptors: raise its limit"},
	    {"ids-exhausted",
		"since a client that is still connected knows each ID: end some clients, or leave"
		" --classic out"},
	};
	char reason[32];

	read_reason(client, reason);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(reason, texts[i].reason))
			return ivsh_client_fail(client,
			    "the server refuses, by protocol version %lld, %s", (long long)version,
			    texts[i].text);
	if (*reason)
		return ivsh_client_fail(client, "the server refuses, by protocol version %lld: %s",
		    (long long)version, reason);
	return ivsh_client_fail(client,
	    "the server sent protocol version %lld, this client speaks %d (ivsh-server refuses so,"
	    " and its log says why; its control socket does, too)",
	    (long long)version, VERSION);
}

int ivsh_client_handshake_receive(struct ivsh_client *client, bool is_probe, uint64_t deadline_ns)
{
	int64_t value;
	int fd;

	if (await_message(client, deadline_ns, &value, &client->memory))
		return -1;
	if (value != VERSION)
		return explain_refusal(client, value);
	if (client->memory >= 0)
		return ivsh_client_fail(client, "the server sent a descriptor with its version");
	if (await_message(client, deadline_ns, &value, &client->memory))
		return -1;
	if (client->memory >= 0 || value < (is_probe ? -1 : 0) || value > (int64_t)PEERS_ID_MAX)
		return ivsh_client_fail(
		    client, "the server sent an impossible ID: %lld", (long long)value);
	client->mem.self = value < 0 ? IVSH_SELF_NONE : (uint32_t)value;
	if (await_message(client, deadline_ns, &value, &fd))
		return -1;
	client->memory = fd;
	if (value != -1 || fd < 0)
		return ivsh_client_fail(
		    client, "the server sent %lld where the memory should be", (long long)value);
	return 0;
}

/* The message of the part of (slot), as ivsh-server sends it. */
#define PART(slot) (-2 - (int64_t)(slot))

int ivsh_client_handshake_parts(struct ivsh_client *client, uint32_t slots, uint64_t deadline_ns)
{
	for (uint32_t slot = 0; slot < slots; slot++) {
		int64_t value;
		int fd;

		if (await_message(client, deadline_ns, &value, &fd))
			return -1;
		if (value != PART(slot) || fd < 0) {
			if (fd >= 0)
				close(fd);
			return ivsh_client_fail(client,
			    "the server sent %lld%s where the part of slot %u should be",
			    (long long)value, fd < 0 ? " and no descriptor" : "", slot);
		}
		if (ivsh_client_parts_add(client, slot, fd, slot == client->mem.self))
			return -1;
	}
	return 0;
}

/* Our own vectors have come: as many as the peer with the most vectors has. */
static bool is_complete(const struct ivsh_client *client)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < client->peer_count; i++)
		if (i != client->mem.self && client->peers[i].count > most)
			most = client->peers[i].count;
	return most > 0 && ivsh_client_peers_vectors(client, client->mem.self) >= most;
}

/*
 * The server that formatted the memory says in its page how many vectors each peer has. It may have
 * no processor for a while in the midst of them; any peer may have written there: so this only says
 * how long to wait.
 */
static bool is_short(const struct ivsh_client *client)
{
	const struct ivsh_wire_header *header = client->mem.base;
	const struct ivsh_wire_server *server;

	if (client->mem.size < IVSH_WIRE_SERVER_OFFSET + sizeof(*server) ||
	    __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != IVSH_WIRE_MAGIC)
		return false;
	server = (const void *)((const char *)client->mem.base + IVSH_WIRE_SERVER_OFFSET);
	return ivsh_client_peers_vectors(client, client->mem.self) <
	       __atomic_load_n(&server->vectors, __ATOMIC_RELAXED);
}

int ivsh_client_handshake_collect(struct ivsh_client *client, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd ready = {.fd = client->socket, .events = POLLIN};
		int left = clock_left_ms(deadline_ns);
		int quiet, events;

		ivsh_client_protocol_take(client);
		if (client->socket < 0)
			return -1;
		if (is_complete(client))
			return 0;
		quiet = is_short(client) && left > LATE_MS ? LATE_MS : QUIET_MS;
		events = poll(&ready, 1, left < quiet ? left : quiet);
		if (events == 0 && left >= quiet)
			return 0;
		if (events == 0)
			return ivsh_client_fail(client, "the server does not finish the handshake");
	}
}
