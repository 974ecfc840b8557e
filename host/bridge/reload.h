/* SPDX-License-Identifier: MIT */
/*
 * reload.h - another mapping for a running bridge.
 */
#ifndef BRIDGE_RELOAD_H
#define BRIDGE_RELOAD_H

#include "bridge/parts.h"

/*
 * Read the configuration at (path) again. Remote peers that it names as before keep their slots and
 * what waits; others leave, or come. What is no mapping cannot change: then, and where the file is
 * wrong, one line says so, and everything stays as it is.
 */
void reload(struct bridge *b, const char *path);

/*
 * Make the next of those that come, if any: the files of a remote peer's pairs take up to 0.1 s,
 * in which the others wait. Whether there may be more.
 */
bool reload_step(struct bridge *b);

#endif
