/* SPDX-License-Identifier: MIT */
/*
 * messages.h - what servers send to the supervisor.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "supervisor/supervisor.h"

/* Read what (child), one of the supervisor's two, sends from now on. */
void messages_watch(struct supervisor *supervisor, struct child *child);

/* Read and handle what is in its link now. Harmless where there is no link. */
void messages_read(struct supervisor *supervisor, struct child *child);

/* It has ended: read what it sent before, and close its link. */
void messages_end(struct supervisor *supervisor, struct child *child);

#endif
