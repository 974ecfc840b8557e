/* SPDX-License-Identifier: MIT */
/*
 * handover.h - one server after another: which begins, which ends, and what the next ones read.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "supervisor/supervisor.h"

/* The server is ready, and no other is there: it may begin. */
void handover_begin(struct supervisor *supervisor);

/* The next server is ready: the one that serves shall end, between two messages of its own. */
void handover_request(struct supervisor *supervisor);

/*
 * A server is ready: keep the names that it resolved, fds[0], and the configuration that it read,
 * fds[1], or -1. Both are the supervisor's from now on.
 */
void handover_keep_config(struct supervisor *supervisor, const int *fds);

/* That server is the one that serves: its successors read what it has read. */
void handover_adopt_config(struct supervisor *supervisor);

/* That server has ended before it began. */
void handover_drop_config(struct supervisor *supervisor);

#endif
