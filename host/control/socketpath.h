/* SPDX-License-Identifier: MIT */
/*
 * socketpath.h - which server a command is about: the path of that server's control socket.
 */
#ifndef SOCKETPATH_H
#define SOCKETPATH_H

#include <limits.h>
#include <stdbool.h>

/* The command line's options that name the server; zeroes: none. */
struct socketpath {
	const char *socket;  /* -S: the common socket */
	const char *control; /* --control: the control socket */
	const char *config;  /* -c: a configuration that names one of them */
	bool accepts_none;   /* a server without a control socket will do, too */
	char path[PATH_MAX]; /* the control socket: socketpath_find() writes it */
};

/*
 * Write server->path. It comes from --control, else from --socket, else from the configuration,
 * else it is the default path of a server that was started without options.
 *
 * Returns 0, or after one line on stderr the exit status of the command.
 */
int socketpath_find(struct socketpath *server);

#endif
