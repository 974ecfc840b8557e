/* SPDX-License-Identifier: MIT */
/*
 * holder.h - which server has a file open: the lock beside its socket, by which it keeps others out.
 */
#ifndef HOLDER_H
#define HOLDER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define HOLDER_PIDS 8u /* a supervisor, its server, the next one; and those that are just ending */

struct holder {
	pid_t pid
	    [HOLDER_PIDS]; /* of ivsh-server, with the file open; the one to be signalled first */
	unsigned count;    /* 0: none, or they are another user's, whom we cannot look at */
	bool is_alone;     /* a server that serves without its supervisor */
};

/* Look through /proc for who has the file (st) open. */
void holder_find(struct holder *holder, const struct stat *st);

#endif
