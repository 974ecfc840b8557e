/* SPDX-License-Identifier: MIT */
/*
 * start.h - runs the supervisor, from the parsed options to the end.
 */
#ifndef START_H
#define START_H

#include "supervisor/supervisor.h"

/* Supervise; answers the exit status. */
int start_supervisor(struct supervisor *supervisor, char **argv);

#endif
