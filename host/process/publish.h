/* SPDX-License-Identifier: MIT */
/*
 * publish.h - a listening socket, made where nobody else can touch it, and then given its name.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "process/listener.h"

/*
 * Look whether something living is bound to (path), without connecting to it. 1: so it is; 0:
 * nothing is there, or it is dead; -1 with errno.
 */
int publish_probe(const char *path);

/*
 * Bind and listen at listener->path, with (mode) and (group), each unless it is UINT32_MAX. A dead
 * socket of that name is replaced in one step, anything else is left alone; with (is_locked) no other
 * server of ours does the same at the same time.
 *
 * Sets fd, device and inode. 0; or -1 after one line, with nothing left behind.
 */
int publish(struct listener *listener, uint32_t mode, uint32_t group, bool is_locked);

#endif
