/* SPDX-License-Identifier: MIT */
/*
 * client.c - a host process as a peer: the handshake, the mapping, the end.
 */
#include "client/client.h"
#include "client/protocol.h"
#include "client/doorbell.h"
#include "client/messages.h"
#include "client/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROTOCOL_VERSION 0 /* the only version there is; QEMU, include/hw/misc/ivshmem.h */
#define QUIET_MS 50        /* as long without a message, and no more eventfds are on their way */
#define RETRY_MS 5         /* between two tries while the server's backlog is full */
#define REASON_MS 200      /* for what ivsh-server says behind a refusal, at once */
#define SIZE_MIN 4096      /* BAR2 has no less than one page */

static int __attribute__((format(printf, 2, 3)))
fail(struct client *client, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(client->error, sizeof(client->error), format, arguments);
	va_end(arguments);
	client_close(client);
	return -1;
}

static void clear(struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->socket = client->memory = client->partial_fd = client->doorbells = -1;
	client->told = true;
	/* Early in a boot there may be no random number yet. */
	if (getrandom(&client->mem.seed, sizeof client->mem.seed, GRND_NONBLOCK) !=
	    (ssize_t)sizeof client->mem.seed)
		client->mem.seed = doorbell_now_ns(NULL);
}

/* Milliseconds until (deadline_ns), rounded up; 0: it has passed. */
static int left_ms(uint64_t deadline_ns)
{
	uint64_t now = doorbell_now_ns(NULL);
	uint64_t ms = now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;

	return ms < 1000000 ? (int)ms : 1000000;
}

/*
 * Say who calls, by an abstract address that is nobody else's: host/server/caller.h. Where that
 * cannot be had, an ordinary client calls.
 */
static void bind_name(const struct client *client, const char *purpose)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t random;
	int size;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = doorbell_now_ns(NULL);
	size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
	    "ivsh-%s-%ld-%016" PRIx64, purpose, (long)getpid(), random);
	(void)!bind(client->socket, (struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size));
}

static int dial(struct client *client, const char *path, const char *purpose, uint64_t deadline_ns)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(client, "a socket's path has at most 107 bytes");
	strcpy(address.sun_path, path);
	client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->socket < 0)
		return fail(client, "socket: %s", strerror(errno));
	bind_name(client, purpose);
	/* EAGAIN: the server's backlog is full (unix(7)); there is nothing to poll for. */
	while (connect(client->socket, (struct sockaddr *)&address, sizeof(address))) {
		if (errno != EAGAIN && errno != EINTR)
			return fail(client, "connect: %s", strerror(errno));
		if (left_ms(deadline_ns) == 0)
			return fail(client, "connect: the server does not accept");
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

/* The next message of the handshake, waited for. */
static int await_message(struct client *client, uint64_t deadline_ns, int64_t *value, int *fd)
{
	struct pollfd ready = {.fd = client->socket, .events = POLLIN};

	for (;;) {
		switch (messages_next(client, value, fd)) {
		case MESSAGES_ONE:
			return 0;
		case MESSAGES_HANGUP:
			return fail(client, "the server hung up in the handshake");
		case MESSAGES_BROKEN:
			client_close(client);
			return -1;
		case MESSAGES_NONE:
			break;
		}
		if (left_ms(deadline_ns) == 0)
			return fail(client, "the server is silent in the handshake");
		poll(&ready, 1, left_ms(deadline_ns));
	}
}

/* What ivsh-server says behind a refusal: "refused reason=WORD"; "" if it says nothing. */
static void read_reason(const struct client *client, char reason[32])
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

/* The other side speaks another version, or ivsh-server refuses by one. Answers -1. */
static int explain_refusal(struct client *client, int64_t version)
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
		"since each ID was told to somebody who is still there: end some, or leave"
		" --classic out"},
	};
	char reason[32];

	read_reason(client, reason);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(reason, texts[i].reason))
			return fail(client, "the server refuses, by protocol version %lld, %s",
			    (long long)version, texts[i].text);
	if (*reason)
		return fail(client, "the server refuses, by protocol version %lld: %s",
		    (long long)version, reason);
	return fail(client,
	    "the server sent protocol version %lld, this client speaks %d (ivsh-server refuses so,"
	    " and its log says why; its control socket does, too)",
	    (long long)version, PROTOCOL_VERSION);
}

/* Version, ID, memory: these come first, in this order. Who looks may get -1 for an ID. */
static int shake_hands(struct client *client, bool looks, uint64_t deadline_ns)
{
	int64_t value;
	int fd;

	if (await_message(client, deadline_ns, &value, &client->memory))
		return -1;
	if (value != PROTOCOL_VERSION)
		return explain_refusal(client, value);
	if (client->memory >= 0)
		return fail(client, "the server sent a descriptor with its version");
	if (await_message(client, deadline_ns, &value, &client->memory))
		return -1;
	if (client->memory >= 0 || value < (looks ? -1 : 0) || value > (int64_t)PEERS_ID_MAX)
		return fail(client, "the server sent an impossible ID: %lld", (long long)value);
	client->mem.self = value < 0 ? IVSH_SELF_NONE : (uint32_t)value;
	if (await_message(client, deadline_ns, &value, &fd))
		return -1;
	client->memory = fd;
	if (value != -1 || fd < 0)
		return fail(
		    client, "the server sent %lld where the memory should be", (long long)value);
	return 0;
}

/* Our own vectors are there, as many as the peer with the most has. */
static bool is_complete(const struct client *client)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < client->peer_count; i++)
		if (i != client->mem.self && client->peers[i].count > most)
			most = client->peers[i].count;
	return most > 0 && peers_vectors(client, client->mem.self) >= most;
}

static int collect_eventfds(struct client *client, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd ready = {.fd = client->socket, .events = POLLIN};
		int left = left_ms(deadline_ns);
		int events;

		protocol_take(client);
		if (client->socket < 0) {
			client_close(client);
			return -1;
		}
		if (is_complete(client))
			return 0;
		events = poll(&ready, 1, left < QUIET_MS ? left : QUIET_MS);
		if (events == 0 && left >= QUIET_MS)
			return 0;
		if (events == 0)
			return fail(client, "the server does not finish the handshake");
	}
}

/* Map client->memory, once its size has been looked at. */
static int map_memory(struct client *client)
{
	struct stat st;
	int seals = fcntl(client->memory, F_GET_SEALS);
	uint64_t size;
	size_t mapped;
	void *base;

	if (fstat(client->memory, &st))
		return fail(client, "the memory: fstat: %s", strerror(errno));
	size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || size < SIZE_MIN || (size & (size - 1)) != 0)
		return fail(client,
		    "the memory has %llu bytes: a region is a power of two from %d on",
		    (unsigned long long)size, SIZE_MIN);
	/* Files that know no seals answer EINVAL. */
	client->sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	mapped = (size_t)size;
	if (mapped != size)
		return fail(client,
		    "the memory has %llu bytes: more than a process of this machine can map",
		    (unsigned long long)size);
	base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory, 0);
	if (base == MAP_FAILED)
		return fail(client, "the memory: mmap: %s", strerror(errno));
	client->mem.base = base;
	client->mem.size = size;
	return 0;
}

int client_connect(struct client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = doorbell_now_ns(NULL);

	deadline_ns = timeout_ns < UINT64_MAX - deadline_ns ? deadline_ns + timeout_ns : UINT64_MAX;
	clear(client);
	if (dial(client, path, "client", deadline_ns) || shake_hands(client, false, deadline_ns) ||
	    map_memory(client) || collect_eventfds(client, deadline_ns))
		return -1;
	if (doorbell_open(client, true)) {
		client_close(client);
		return -1;
	}
	client->connected = true;
	client->told = false;
	return 0;
}

int client_look(struct client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = doorbell_now_ns(NULL);

	deadline_ns = timeout_ns < UINT64_MAX - deadline_ns ? deadline_ns + timeout_ns : UINT64_MAX;
	clear(client);
	if (dial(client, path, "look", deadline_ns) || shake_hands(client, true, deadline_ns) ||
	    map_memory(client))
		return -1;
	return doorbell_open(client, false);
}

int client_open_file(struct client *client, const char *path, uint32_t slot)
{
	clear(client);
	client->mem.self = slot;
	/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
	client->memory = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (client->memory < 0)
		return fail(client, "open: %s", strerror(errno));
	if (map_memory(client))
		return -1;
	return doorbell_open(client, false);
}

int client_poll(struct client *client)
{
	protocol_take(client);
	if (client->connected || client->told)
		return 0;
	client->told = true;
	return -1;
}

void client_close(struct client *client)
{
	doorbell_leave(client);
	if (client->mem.base)
		munmap(client->mem.base, (size_t)client->mem.size);
	client->mem.base = NULL;
	client->mem.size = 0;
	/* Before the eventfds: others hold them, too, and what is in a set stays there until the
	 * last one lets go. */
	if (client->doorbells >= 0)
		close(client->doorbells);
	peers_close(client);
	if (client->socket >= 0)
		close(client->socket);
	if (client->memory >= 0)
		close(client->memory);
	if (client->partial_fd >= 0)
		close(client->partial_fd);
	client->socket = client->memory = client->partial_fd = client->doorbells = -1;
	client->connected = false;
	client->told = true;
}
