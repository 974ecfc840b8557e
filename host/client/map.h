/* SPDX-License-Identifier: MIT */
/*
 * map.h - the memory of a client: checked, and mapped.
 */
#ifndef CLIENT_MAP_H
#define CLIENT_MAP_H

#include "client/types.h"

/*
 * Check the size of client->memory, and map it for (access), as mmap(2) takes it. 0, or -1 with
 * client->error.
 */
int ivsh_client_map(struct ivsh_client *client, int access);

/* Let it be written, too. 0, or -1 with client->error. */
int ivsh_client_map_writable(struct ivsh_client *client);

#endif
