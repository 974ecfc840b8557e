/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - going to the background, and the pid file.
 *
 * The parent stays until the child is ready, so that whoever started us may connect, or read the
 * pid file, as soon as the command has returned 0.
 */
#include "daemon.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int daemon_pipe = -1; /* the child's end: one byte says ready, its end says failed */

/* Nobody's terminal or pipe is kept open by stdin or stdout. stderr stays, for the log. */
static int daemon_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return log_failure("/dev/null", "%s", strerror(errno));
	close(null);
	return 0;
}

int daemon_fork(void)
{
	int ends[2];
	char byte;
	pid_t child;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC))
		return log_failure("daemon", "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return log_failure("daemon", "fork: %s", strerror(errno));
	if (child > 0) {
		close(ends[1]);
		do
			got = read(ends[0], &byte, 1);
		while (got < 0 && errno == EINTR);
		_exit(got == 1 ? 0 : 1);
	}
	close(ends[0]);
	daemon_pipe = ends[1];
	if (setsid() < 0)
		return log_failure("daemon", "setsid: %s", strerror(errno));
	return daemon_quiet();
}

void daemon_ready(void)
{
	if (daemon_pipe < 0)
		return;
	if (write(daemon_pipe, "", 1) < 0)
		log_detail("event=warning what=parent-gone");
	close(daemon_pipe);
	daemon_pipe = -1;
}

int daemon_pid_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return log_failure(path, "open: %s", strerror(errno));
	if (dprintf(fd, "%ld\n", (long)getpid()) >= 0 && close(fd) == 0)
		return 0;
	log_failure(path, "write: %s", strerror(errno));
	unlink(path);
	return -1;
}
