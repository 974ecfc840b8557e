/* SPDX-License-Identifier: MIT */
/*
 * confine.h - giving up what a bridge does not need.
 */
#ifndef BRIDGE_CONFINE_H
#define BRIDGE_CONFINE_H

#include "bridge/config.h"

#include <stdbool.h>

/* Whether a bridge with (config) that this process begins stays root, since nothing says a user. */
bool confine_is_root(const struct config *config);

/*
 * Leave no memory in a core file, and become the user of (config), if it names one, before any file
 * but the configuration is opened. One thread only. 0, or -1 after one line on stderr.
 */
int confine_user(const struct config *config);

/*
 * From here on no thread, of those that are there and those that come, makes another system call
 * than running takes. 0, or -1 after one line on stderr.
 */
int confine_calls(void);

#endif
