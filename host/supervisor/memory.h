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

/* Longer than a heartbeat of a living peer or server stands still: both move every 250 ms. */
#define MEMORY_WATCH_MS 1000

/*
 * Open the memory and, without --raw, format it. A region that is there already is kept, and *kept
 * set, when it has the geometry's slots and no living peer. Messages that its peers had sent are
 * still delivered.
 *
 * Call with the socket's lock held. Answers 0, or -1 after one line, with nothing left behind.
 */
int memory_open(struct backend *backend, const struct options *options, bool *kept);

/* backend_open(). 0, or -1 after one line. */
int memory_open_backend(struct backend *backend, const struct backend_request *request);

/* A region that is kept has other rings, or logs, than the options ask for: say so. */
void memory_note(const struct ivsh_geometry *kept, const struct options *options, const char *path);

#endif
