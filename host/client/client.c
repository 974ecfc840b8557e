/* SPDX-License-Identifier: MIT */
/*
 * client.c - a host process as a peer: the mapping of the memory, the beginning and the end.
 */
#include <ivsh/client.h>

#include "client/doorbell.h"
#include "client/handshake.h"
#include "client/map.h"
#include "client/parts.h"
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

/*
 * Receive the parts, if the memory is the common one of a split region: nobody but the server
 * stores into that. Else, if (writes), the memory is for all to write.
 */
static int receive_parts(struct ivsh_client *client, bool writes, uint64_t deadline_ns)
{
	uint32_t slots;

	if (ivsh_client_parts_begin(client, &slots))
		return -1;
	if (slots > 0)
		return ivsh_client_handshake_parts(client, slots, deadline_ns);
	return writes ? ivsh_client_map_writable(client) : 0;
}

int ivsh_client_connect(struct ivsh_client *client, const char *path, uint64_t timeout_ns)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);

	clear(client);
	if (ivsh_client_handshake_connect(client, path, "client", deadline_ns) ||
	    ivsh_client_handshake_receive(client, false, deadline_ns) ||
	    ivsh_client_map(client, PROT_READ) || receive_parts(client, true, deadline_ns) ||
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
	if (ivsh_client_map(client, PROT_READ) || receive_parts(client, false, deadline_ns) ||
	    ivsh_client_doorbell_open(client, false))
		return give_up(client);
	return 0;
}

/* Open and map the file, or the files in the folder, (path). 0, or -1 with client->error. */
static int open_path(struct ivsh_client *client, const char *path, uint32_t slot)
{
	struct stat st;
	int folder, result;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		/* O_PATH: it need not be listed. */
		folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			return ivsh_client_fail(client, "open: %s", strerror(errno));
		result = ivsh_client_parts_open(client, folder, slot, false);
		close(folder);
		return result;
	}
	client->mem.self = slot;
	/* O_NONBLOCK: if (path) is a FIFO by mistake, open(2) must not wait for its other end. */
	client->memory = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (client->memory < 0)
		return ivsh_client_fail(client, "open: %s", strerror(errno));
	return ivsh_client_map(client, PROT_READ | PROT_WRITE);
}

int ivsh_client_open_file(struct ivsh_client *client, const char *path, uint32_t slot)
{
	clear(client);
	if (open_path(client, path, slot) || ivsh_client_doorbell_open(client, false))
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
	ivsh_client_parts_close(client);
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
