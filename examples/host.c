/* SPDX-License-Identifier: MIT */
/*
 * host.c - the transport of a process on the host: a server's socket.
 */
#include "transport.h"

#include <ivsh/client.h>

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_NS UINT64_C(5000000000)

const struct ivsh_mem *transport_open(void)
{
	const char *path = getenv("IVSH_SOCKET");
	static struct ivsh_client client;

	if (!path)
		fprintf(stderr, "IVSH_SOCKET is not set: name the server's socket\n");
	else if (ivsh_client_connect(&client, path, CONNECT_NS))
		fprintf(stderr, "%s: %s\n", path, client.error);
	else
		return &client.mem;
	return NULL;
}
