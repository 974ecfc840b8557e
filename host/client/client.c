/* SPDX-License-Identifier: MIT */
/*
 * client.c - a host process as a peer: the mapping of the memory, the beginning and the end.
 */
#include "client/client.h"
#include "client/doorbell.h"
#include "client/handshake.h"
#include "client/peers.h"
#include "client/protocol.h"
#include "process/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MIN 4096 /* BAR2 has no less than one page */

static void clear(struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->socket = client->memory = client->partial_fd = client->doorbells = -1;
	client->is_reported = true;
}

/* Close what a failed open has opened. Returns -1. */
static int give_up(struct client *client)
{
	client_close(client);
	return -1;
}

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t now = clock_now_ns();

	return timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
}

/* Check the size of client->memory, and map it. 0, or -1 with client->error. */
static int map_memory(struct client *client)
{
	struct stat st;
	int seals = fcntl(client->memory, F_GET_SEALS);
	uint64_t size;
	size_t mapped;
	void *base;

	if (fstat(client->memory, &st))
		return client_fail(client, "the memory: fstat: %s", strerror(errno));
	size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || size < SIZE_MIN || (size & (size - 1)) != 0)
		return client_fail(client,
		    "the memory has %llu bytes: a region is a power of two from %d on",
		    (unsigned long long)size, SIZE_MIN);
	/* A file that cannot have seals answers EINVAL. */
	client->is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	mapped = (size_t)size;
	if (mapped != size)
		return client_fail(client,
		    "the memory has %llu bytes: more than a process of this machine can map",
		    (unsigned long long)size);
	base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory, 0);
	if (base == MAP_FAILED)
		return client_fail(client, "the memory: mmap: %s", strerror(errno));
	client->mem.base = base;
	client->mem.size = size;
	return 0;
}

int client_connect(struct client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);

	clear(client);
	if (handshake_connect(client, path, "client", deadline_ns) ||
	    handshake_receive(client, false, deadline_ns) || map_memory(client) ||
	    handshake_collect(client, deadline_ns) || doorbell_open(client, true))
		return give_up(client);
	client->is_connected = true;
	client->is_reported = false;
	return 0;
}

int client_probe(struct client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);

	clear(client);
	if (handshake_connect(client, path, "probe", deadline_ns) ||
	    handshake_receive(client, true, deadline_ns) || map_memory(client) ||
	    doorbell_open(client, false))
		return give_up(client);
	return 0;
}

int client_open_file(struct client *client, const char *path, uint32_t slot)
{
	clear(client);
	client->mem.self = slot;
	/* O_NONBLOCK: if (path) is a FIFO by mistake, open(2) must not wait for its other end. */
	client->memory = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (client->memory < 0)
		client_fail(client, "open: %s", strerror(errno));
	if (client->memory < 0 || map_memory(client) || doorbell_open(client, false))
		return give_up(client);
	return 0;
}

int client_poll(struct client *client)
{
	protocol_take(client);
	if (client->is_connected || client->is_reported)
		return 0;
	client->is_reported = true;
	return -1;
}

int client_group(struct client *client, struct client *other)
{
	const struct client *member = client;
	uint32_t members = 0;

	do {
		members++;
		member = member->group;
	} while (member != client);
	if (members == CLIENT_GROUP_MAX)
		return -1;
	other->group = client->group;
	client->group = other;
	return 0;
}

void client_close(struct client *client)
{
	doorbell_leave(client);
	if (client->mem.base)
		munmap(client->mem.base, (size_t)client->mem.size);
	client->mem.base = NULL;
	client->mem.size = 0;
	/* Before the eventfds: other processes hold them, too, and an entry of an epoll set stays
	 * until the last holder closes the file. */
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
	client->is_connected = false;
	client->is_reported = true;
}
