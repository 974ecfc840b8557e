/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the region's memory: the supervisor opens and formats it.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "backend/backend.h"
#include "config/options.h"

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * Open the memory and, without --raw, format it. A region that is there already is kept, and *kept
 * set, when it has the geometry's slots and no living peer. Messages that its peers had sent are
 * still delivered.
 *
 * Call with the socket's lock held. Answers 0, or -1 after one line, with nothing left behind.
 */
int memory_open(struct backend *backend, const struct options *options, bool *kept);

#endif
