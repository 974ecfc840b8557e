/* SPDX-License-Identifier: MIT */
/*
 * loop.h - a running bridge.
 */
#ifndef BRIDGE_LOOP_H
#define BRIDGE_LOOP_H

#include "bridge/config.h"

/*
 * Run until SIGTERM or SIGINT, which the caller has blocked, as it has SIGHUP: then the mapping is
 * read again from (path). config: the caller's, until this answers. Answers an exit status, after
 * one line if it is not 0.
 */
int loop_run(struct config *config, const char *path);

#endif
