/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - going to the background, and the pid file.
 *
 * The parent stays until the child is ready, so that whoever started us may connect, or read the
 * pid file, as soon as the command has returned 0.
 */
#include "daemon.h"
#include "entry.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
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

/* Write our number into what (fd) is. Answers (fd), or -1 with errno and (fd) closed. */
static int daemon_pid_put(int fd)
{
	int error;

	if (fd < 0 || dprintf(fd, "%ld\n", (long)getpid()) >= 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* A device or a pipe as a pid file, or a link to one. -1 with errno. */
static int daemon_pid_device(const struct entry *entry)
{
	int fd = openat(entry->folder, entry->name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	/* Mustn't: write into a file that has the name by now. */
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return daemon_pid_put(fd);
	close(fd);
	errno = EEXIST;
	return -1;
}

/*
 * Under a name that others do not know, and then renamed: who reads a pid file finds a whole number
 * in it, and nothing is written into what had the name, which may have others. -1 with errno.
 */
static int daemon_pid_file(const struct entry *entry)
{
	char name[NAME_MAX + 1];
	uint32_t number = 0;
	int fd, error;

	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return -1;
	snprintf(name, sizeof name, "%.240s.%08x", entry->name, number);
	fd =
	    openat(entry->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	fd = daemon_pid_put(fd);
	if (fd >= 0 && renameat(entry->folder, name, entry->folder, entry->name) == 0)
		return fd;
	error = errno;
	unlinkat(entry->folder, name, 0);
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

int daemon_pid_write(const char *path)
{
	struct entry entry;
	struct stat st;
	bool is_device;
	int fd;

	if (entry_open(&entry, path))
		return log_failure(path, "open: %s", strerror(errno));
	is_device = entry_stat(&entry, &st) == 0 && !S_ISREG(st.st_mode);
	fd = is_device ? daemon_pid_device(&entry) : daemon_pid_file(&entry);
	if (fd < 0)
		log_failure(path, "write: %s", strerror(errno));
	entry_close(&entry);
	return fd;
}

void daemon_pid_remove(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		entry_remove(path, st.st_dev, st.st_ino);
	close(fd);
}
