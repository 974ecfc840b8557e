/* SPDX-License-Identifier: MIT */
/*
 * holder.h - which server has a file open: the lock beside its socket.
 */
#ifndef HOLDER_H
#define HOLDER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define HOLDER_PIDS \
	8u /* a supervisor, its server, the next server; and processes that are ending */

struct holder {
	pid_t pid
	    [HOLDER_PIDS]; /* of ivsh-server, with the file open; the one to be signalled first */
	unsigned count;    /* 0: none, or another user's, which we cannot read */
	bool is_alone;     /* a server that serves without its supervisor */
};

/* Find the processes of ivsh-server in /proc that have the file (st) open. */
void holder_find(struct holder *holder, const struct stat *st);

#endif
