/* SPDX-License-Identifier: MIT */
/*
 * prepare.h - all that a server needs more rights for than for serving.
 */
#ifndef PREPARE_H
#define PREPARE_H

#include "server/server.h"

/* This process was started by a supervisor, to serve. */
bool prepare_is_wanted(void);

/*
 * Read the configuration, map the state, open the loop, whose callbacks are set, then isolate this
 * process, and tell the supervisor that it is ready. 0, or -1 after one line on stderr.
 */
int prepare(struct server *server, int argc, char **argv);

#endif
