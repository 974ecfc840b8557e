/* SPDX-License-Identifier: MIT */
/*
 * children.h - server processes: when one is started, and what follows when one ends.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "supervisor/supervisor.h"

/* Start a server; what goes wrong is logged, and tried again at the next tick. */
void children_start(struct supervisor *supervisor);

/* Children may have ended. */
void children_reap(struct supervisor *supervisor);

/* End the server, and then the supervisor. */
void children_stop(struct supervisor *supervisor);

/* Kill a server that does not do its part in time; at each tick. (now_ns) on CLOCK_MONOTONIC. */
void children_check_time(const struct supervisor *supervisor, uint64_t now_ns);

#endif
