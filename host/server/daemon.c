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
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* A device or a pipe as a pid file is written as it is, and stays. */
static bool daemon_pid_is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) != 0 || S_ISREG(st.st_mode);
}

/* Write our number into what (fd) is, and close it. 0, or -1 with errno. */
static int daemon_pid_put(int fd)
{
	int error = dprintf(fd, "%ld\n", (long)getpid()) < 0 ? errno : 0;

	if (close(fd) && !error)
		error = errno;
	errno = error;
	return error ? -1 : 0;
}

int daemon_pid_write(const char *path)
{
	bool is_file = daemon_pid_is_file(path);
	char temporary[PATH_MAX];
	int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC, fd;

	if (!is_file) {
		fd = open(path, flags);
		return fd < 0 || daemon_pid_put(fd)
			   ? log_failure(path, "write: %s", strerror(errno))
			   : 0;
	}
	/* Beside it and then renamed: who reads a pid file finds a whole number in it. */
	if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >=
	    sizeof temporary)
		return log_failure(path, "open: %s", strerror(ENAMETOOLONG));
	fd = open(temporary, flags | O_CREAT | O_EXCL, 0644);
	/* One of that number was killed here. */
	if (fd < 0 && errno == EEXIST && unlink(temporary) == 0)
		fd = open(temporary, flags | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return log_failure(path, "open: %s", strerror(errno));
	if (daemon_pid_put(fd) == 0 && rename(temporary, path) == 0)
		return 0;
	log_failure(path, "write: %s", strerror(errno));
	unlink(temporary);
	return -1;
}

void daemon_pid_remove(const char *path)
{
	if (daemon_pid_is_file(path))
		unlink(path);
}
