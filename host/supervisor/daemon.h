/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - going to the background, and the pid file.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>

/* Close what was inherited beside stdin, stdout and stderr. Before anything is opened. */
void daemon_let_go(void);

/* stderr is a file, or the null device: the log stays there. */
bool daemon_keeps_stderr(void);

/*
 * Fork. In the child this answers 0, and daemon_ready() must follow once all is acquired. The
 * parent never returns: it waits for that, and exits 0, or 1 when the child ended first. -1 after
 * one line. The child's stdin and stdout are /dev/null. The parent passes on what it writes to
 * stderr until it exits, unless daemon_keeps_stderr(): then nobody reads it any more, see
 * log_open_system().
 */
int daemon_fork(void);

/* Let the waiting parent go, if there is one. */
void daemon_ready(void);

/*
 * Write our process ID to (path): a file is made anew, in the place of one that is there, a device
 * or a pipe is written to. Answers a descriptor for daemon_pid_remove(), or -1 after one line.
 */
int daemon_pid_write(const char *path);

/* Remove the file, but no other that has its name by now; and close (fd). */
void daemon_pid_remove(const char *path, int fd);

#endif
