/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the region's memory as the server has it: the descriptor that clients get, and the one
 * page that the server itself may touch.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "backend.h"
#include "options.h"

#include <ivsh/wire.h>

#include <stddef.h>

struct memory {
	struct backend backend;
	void *head;       /* the mapping with the server page in it; NULL: raw */
	size_t head_size; /* bytes mapped at head */
	bool kept;        /* what was there before was a region, and stays */
};

/*
 * Open the memory and, unless raw, format it. A region that is there already is kept when it has
 * the geometry's slots and nobody lives in it: what its peers had sent is still delivered.
 *
 * Call with the socket's lock held. Answers 0, or -1 after one line, with nothing left behind.
 */
int memory_open(struct memory *memory, const struct options *options);

/* The words that the server writes; NULL: raw. */
struct ivsh_wire_server *memory_server_page(const struct memory *memory);

void memory_close(struct memory *memory);

#endif
