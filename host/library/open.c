/* SPDX-License-Identifier: MIT */
/*
 * open.c - the host's handle: its begin and its end.
 */
#include "library/inside.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OPEN_NS UINT64_C(5000000000) /* a running server answers in milliseconds */

/* A word that fork(2) clears in the child. NULL: out of memory. */
static uint32_t *owner_make(void)
{
	uint32_t *owner = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (owner == MAP_FAILED)
		return NULL;
	/* Before Linux 4.14 a child's calls are not refused. */
	(void)madvise(owner, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK);
	*owner = 1;
	return owner;
}

static void release(struct ivsh_host *host)
{
	if (host->owner)
		munmap(host->owner, (size_t)sysconf(_SC_PAGESIZE));
	free(host->place);
	free(host->name);
	free(host->block);
	free(host);
}

static struct ivsh_host *make(const char *place, const char *name)
{
	char path[PATH_MAX] = "";
	struct ivsh_host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->fd = host->timer = -1;
	host->owner = owner_make();
	if (!place && ivsh_host_place_default(path, sizeof(path)) == 0)
		place = path;
	host->place = strdup(place ? place : "");
	host->name = name ? strdup(name) : NULL;
	if (host->owner && host->place && (!name || host->name))
		return host;
	release(host);
	return NULL;
}

static int begin(struct ivsh_host *host)
{
	int error;

	if (!*host->place)
		return ivsh_host_fail(
		    host, IVSH_EINVAL, "XDG_RUNTIME_DIR is not set: name the server's socket");
	error = ivsh_host_watch_open(host);
	if (!error)
		error = ivsh_host_place_open(host, &host->clients[host->turn], OPEN_NS);
	if (error)
		return error;
	host->is_open = true;
	return ivsh_host_attach(host, OPEN_NS);
}

int ivsh_host_open(
    struct ivsh_host **host, const char *place, const char *name, uint32_t flags, uint32_t slot)
{
	int error;

	*host = make(place, name);
	if (!*host)
		return IVSH_ENOSPC;
	(*host)->flags = flags;
	(*host)->slot = slot;
	error = begin(*host);
	if (error) {
		ivsh_host_leave(*host, true);
		ivsh_host_watch_close(*host);
	}
	return error;
}

void ivsh_host_close(struct ivsh_host *host)
{
	bool is_owned = host && host_is_owned(host);

	if (!host)
		return;
	if (is_owned)
		ivsh_host_streams_close(host);
	ivsh_host_leave(host, is_owned);
	while (host->streams) {
		struct ivsh_host_stream *stream = host->streams;

		host->streams = stream->next;
		free(stream->buffer);
		free(stream);
	}
	ivsh_host_logs_close(host);
	ivsh_host_watch_close(host);
	release(host);
}

const char *ivsh_host_error(const struct ivsh_host *host)
{
	return host ? host->error : "out of memory";
}

const char *ivsh_host_place(const struct ivsh_host *host)
{
	return host->place;
}

struct ivsh_node *ivsh_host_node(struct ivsh_host *host)
{
	return host_is_owned(host) ? host->node : NULL;
}

int ivsh_host_fd(const struct ivsh_host *host)
{
	return host->fd;
}
