/* SPDX-License-Identifier: MIT */
/*
 * timing.h - the calls of struct ivsh_platform about time and sleep, over arch.h.
 */
#ifndef BARE_TIMING_H
#define BARE_TIMING_H

#include <ivsh/platform.h>

/* Set now_ns, sleep and count. They ignore their context. */
void bare_timing(struct ivsh_platform *platform);

#endif
