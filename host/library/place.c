/* SPDX-License-Identifier: MIT */
/*
 * place.c - where a region is: at a server's socket, or in a plain memory file.
 */
#include "library/inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int ivsh_host_fail(struct ivsh_host *host, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(host->error, sizeof(host->error), format, arguments);
	va_end(arguments);
	return error;
}

int ivsh_host_place_default(char *path, size_t size)
{
	const char *runtime = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

	if (!runtime || !*runtime)
		return -1;
	return (size_t)snprintf(path, size, "%s/ivsh.sock", runtime) < size ? 0 : -1;
}

/* Whether the line says that there is nothing at all: no file, or no listening server. */
static bool is_nowhere(const char *error)
{
	const char *why = strrchr(error, ':');

	return why &&
	       (!strcmp(why + 2, strerror(ENOENT)) || !strcmp(why + 2, strerror(ECONNREFUSED)));
}

/* What the client's line means for the caller. */
static int failed(struct ivsh_host *host, const struct ivsh_client *client)
{
	static const char refusal[] = "the server refuses";

	if (is_nowhere(client->error))
		return ivsh_host_fail(host, IVSH_ENODEV, "%s", client->error);
	if (!strncmp(client->error, refusal, sizeof(refusal) - 1))
		return ivsh_host_fail(host, IVSH_EBUSY, "%s", client->error);
	return ivsh_host_fail(host, IVSH_EPLATFORM, "%s", client->error);
}

int ivsh_host_place_open(struct ivsh_host *host, struct ivsh_client *client, uint64_t timeout_ns)
{
	struct stat st;
	int error;

	if (stat(host->place, &st))
		return ivsh_host_fail(host,
		    errno == ENOENT || errno == ENOTDIR ? IVSH_ENODEV : IVSH_EPLATFORM, "%s",
		    strerror(errno));
	if (!S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return ivsh_host_fail(host, IVSH_EINVAL,
		    "neither a server's socket, nor a memory file, nor a split region's folder");
	host->is_server = S_ISSOCK(st.st_mode);
	host->own = host->slot;
	error = host->is_server ? ivsh_client_connect(client, host->place, timeout_ns)
				: ivsh_client_open_file(client, host->place, host->slot);
	if (error)
		return failed(host, client);
	/* Whoever has no server must claim the slot: for the node it is an option. */
	if (!host->is_server) {
		host->own = client->mem.self;
		client->mem.self = IVSH_SELF_NONE;
	}
	return 0;
}
