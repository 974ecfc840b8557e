/* SPDX-License-Identifier: MIT */
/*
 * ready.h - what the supervisor announces once the first server serves.
 */
#ifndef READY_H
#define READY_H

#include "supervisor/supervisor.h"

/* Log what there is to connect to, and how QEMU connects; let the waiting command return. */
void ready_announce(const struct supervisor *supervisor);

#endif
