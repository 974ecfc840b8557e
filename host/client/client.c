/* SPDX-License-Identifier: MIT */
/*
 * client.c - a host process as a peer: the mapping of the memory, the beginning and the end.
 */
#include <ivsh/client.h>

#include "client/doorbell.h"
#include "client/handshake.h"
#include "client/peers.h"
#include "client/protocol.h"
#include "process/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MIN 4096 /* BAR2 has no less than one page */

static void clear(struct ivsh_client *client)
{
	memset(client, 0, sizeof(*client));
	client->socket = client->memory = client->partial_fd = client->doorbells = -1;
	client->is_reported = true;
}

/* Close what a failed open has opened. */
static int give_up(struct ivsh_client *client)
{
	ivsh_client_close(client);
	return IVSH_EPLATFORM;
}

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t now = clock_now_ns();

	return timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
}

/* Check the size of client->memory, and map it for (access). 0, or -1 with client->error. */
static int map_memory(struct ivsh_client *client, int access)
{
	struct stat st;
	int seals = fcntl(client->memory, F_GET_SEALS);
	uint64_t size;
	size_t mapped;
	void *base;

	if (fstat(client->memory, &st))
		return ivsh_client_fail(client, "the memory: fstat: %s", strerror(errno));
	size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || size < SIZE_MIN || (size & (size - 1)) != 0)
		return ivsh_client_fail(client,
		    "the memory has %llu bytes: a region is a power of two from %d on",
		    (unsigned long long)size, SIZE_MIN);
	/* A file that cannot have seals answers EINVAL. */
	client->is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	mapped = (size_t)size;
	if (mapped != size)
		return ivsh_client_fail(client,
		    "the memory has %llu bytes: more than a process of this machine can map",
		    (unsigned long long)size);
	base = mmap(NULL, mapped, access, MAP_SHARED, client->memory, 0);
	if (base == MAP_FAILED)
		return ivsh_client_fail(client, "the memory: mmap: %s", strerror(errno));
	client->mem.base = base;
	client->mem.size = size;
	return 0;
}

/*
 * A probe has no use for a descriptor that can be written through. Where there is no /proc, it
 * keeps what the server sent, and maps that for reading.
 */
static void reopen_memory(struct ivsh_client *client)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client->memory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	close(client->memory);
	client->memory = fd;
}

int ivsh_client_connect(struct ivsh_client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);

	clear(client);
	if (ivsh_client_handshake_connect(client, path, "client", deadline_ns) ||
	    ivsh_client_handshake_receive(client, false, deadline_ns) ||
	    map_memory(client, PROT_READ | PROT_WRITE) ||
	    ivsh_client_handshake_collect(client, deadline_ns) ||
	    ivsh_client_doorbell_open(client, true))
		return give_up(client);
	client->is_connected = true;
	client->is_reported = false;
	return 0;
}

int ivsh_client_probe(struct ivsh_client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);

	clear(client);
	if (ivsh_client_handshake_connect(client, path, "probe", deadline_ns) ||
	    ivsh_client_handshake_receive(client, true, deadline_ns))
		return give_up(client);
	reopen_memory(client);
	if (map_memory(client, PROT_READ) || ivsh_client_doorbell_open(client, false))
		return give_up(client);
	return 0;
}

int ivsh_client_open_file(struct ivsh_client *client, const char *path, uint32_t slot)
{
	clear(client);
	client->mem.self = slot;
	/* O_NONBLOCK: if (path) is a FIFO by mistake, open(2) must not wait for its other end. */
	client->memory = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (client->memory < 0)
		ivsh_client_fail(client, "open: %s", strerror(errno));
	if (client->memory < 0 || map_memory(client, PROT_READ | PROT_WRITE) ||
	    ivsh_client_doorbell_open(client, false))
		return give_up(client);
	return 0;
}

int ivsh_client_poll(struct ivsh_client *client)
{
	ivsh_client_protocol_take(client);
	if (client->is_connected || client->is_reported)
		return 0;
	client->is_reported = true;
	return IVSH_ENODEV;
}

int ivsh_client_group(struct ivsh_client *client, struct ivsh_client *other)
{
	const struct ivsh_client *member = client;
	uint32_t members = 0;

	do {
		members++;
		member = member->group;
	} while (member != client);
	if (members == IVSH_CLIENT_GROUP_MAX)
		return IVSH_ENOSPC;
	other->group = client->group;
	client->group = other;
	return 0;
}

void ivsh_client_close(struct ivsh_client *client)
{
	ivsh_client_doorbell_leave(client);
	if (client->mem.base)
		munmap(client->mem.base, (size_t)client->mem.size);
	client->mem.base = NULL;
	client->mem.size = 0;
	/* Before the eventfds: other processes hold them, too, and an entry of an epoll set stays
	 * until the last holder closes the file. */
	if (client->doorbells >= 0)
		close(client->doorbells);
	ivsh_client_peers_close(client);
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
