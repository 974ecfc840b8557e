/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - what the peers of connected slots declare in the memory, for who queries the server.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "control/answer.h"
#include "server/server.h"

/*
 * Add a record for each metric. *texts: what the records point to, to be freed behind the answer;
 * NULL: there are none. 0, or -1: out of memory.
 */
int metrics_add(struct answer *answer, const struct server *server, void **texts);

#endif
