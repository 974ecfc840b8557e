/* SPDX-License-Identifier: MIT */
/*
 * join.h - from the command line to the doorway, and through it into the region.
 */
#ifndef JOIN_H
#define JOIN_H

#include "client/client.h"
#include "peer/options.h"
#include "app/status.h"

#include <ivsh/region.h>

/* What lines about the memory name: the path of the socket or of the file. */
const char *join_object(const struct options *options);

/* Connect to the server, or map the file. STATUS_DONE; or the exit status, after one line on stderr. */
int join_doorway(struct client *client, const struct options *options);

/* The same for who only looks at the server's memory: it takes no slot. */
int join_look(struct client *client, const struct options *options);

/*
 * Attach to the region behind (client). Slot 0 of a file formats a memory that is empty; else
 * somebody has to, within the time that --timeout gives. 0, or -1: after one line on stderr, or
 * silently if a signal said stop.
 */
int join_region(struct ivsh_region *region, const struct client *client,
    const struct options *options, uint64_t nonce);

/*
 * Say in one line why the region behind (mem) was refused: (error) and (attach) are what
 * ivsh_region_attach() answered, or who only looked would be answered.
 */
void join_refused(const struct options *options, const struct ivsh_mem *mem,
    const struct ivsh_attach *attach, int error);

#endif
