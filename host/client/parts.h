/* SPDX-License-Identifier: MIT */
/*
 * parts.h - the parts of a split region, mapped: this peer's own for writing, others for reading.
 *
 * What is wrong with the part of another slot is that slot's affair: the part is in mem.parts, with
 * as much of it as can be mapped, and the region does without it. SPEC R17.4.5.
 */
#ifndef CLIENT_PARTS_H
#define CLIENT_PARTS_H

#include "client/types.h"

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * Look at the header of the memory, which is mapped for reading. If it is that of a split region,
 * *slots is how many parts there are, and there is room for them; else 0. 0, or -1 with
 * client->error: the header is impossible, or there is no room.
 */
int ivsh_client_parts_begin(struct ivsh_client *client, uint32_t *slots);

/*
 * The bytes of each part of the region with this header, the caller's copy of it. 0: its
 * geometry is impossible, which the attach will say.
 */
uint64_t ivsh_client_parts_size(const struct ivsh_wire_header *header);

/*
 * Add the part of (slot), which (fd) is; -1: it is not here. Slots come in ascending order. The
 * client closes (fd), from here on. is_own: it is mapped for writing. 0, or -1 with client->error:
 * the own part cannot be used.
 */
int ivsh_client_parts_add(struct ivsh_client *client, uint32_t slot, int fd, bool is_own);

/*
 * Open the split region in (folder), which stays the caller's, and map all of it. slot: whose part
 * is mapped for writing; IVSH_SELF_NONE: is_probe: none; else the one part that this process can
 * write. mem.self is that slot then. 0, or -1 with client->error.
 */
int ivsh_client_parts_open(struct ivsh_client *client, int folder, uint32_t slot, bool is_probe);

/* The descriptor of the part of (slot); -1: it is not here. */
int ivsh_client_parts_fd(const struct ivsh_client *client, uint32_t slot);

/* Unmap and close all parts. Harmless if there are none. */
void ivsh_client_parts_close(struct ivsh_client *client);

#endif
