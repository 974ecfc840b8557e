/* SPDX-License-Identifier: MIT */
/*
 * publish.h - a listening socket, made where no other user can change it, and then given its name.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct published {
	int fd;       /* non-blocking, listening */
	dev_t device; /* of the socket's name */
	ino_t inode;
};

/*
 * Find out whether a process listens at (path), without a connection. 1: it does; 0: there is no
 * socket, or a dead one; -1 with errno.
 */
int publish_probe(const char *path);

/*
 * Bind and listen at (path), with (mode) and (group), each unless it is UINT32_MAX. A dead socket
 * of that name is replaced in one step; anything else of that name is left alone. (is_locked): no
 * other ivsh-server does the same at the same time.
 *
 * Returns 0; or -1 after one line, with nothing left behind.
 */
int publish(
    struct published *made, const char *path, uint32_t mode, uint32_t group, bool is_locked);

#endif
