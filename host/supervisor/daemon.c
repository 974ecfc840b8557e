/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - going to the background, and the pid file.
 *
 * The parent stays until the child is ready. So a client may connect, or read the pid file, as soon
 * as the command has returned 0.
 */
#include "supervisor/daemon.h"
#include "backend/entry.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DAEMON_FIRST 3
#define DAEMON_MOST 65536 /* where a kernel does not know close_range(2): 5.9 */

static int ready_pipe = -1; /* the child's end: a byte means ready, the end of the pipe failed */

/*
 * A parent may wait for the end of a descriptor that it passed on: it shall not wait for a daemon.
 */
void daemon_let_go(void)
{
	if (close_range(DAEMON_FIRST, ~0u, 0) == 0)
		return;
	for (int fd = DAEMON_FIRST; fd < DAEMON_MOST; fd++)
		close(fd);
}

bool daemon_keeps_stderr(void)
{
	struct stat st;

	/* Nobody waits for the end of a file, or of the null device. */
	return fstat(STDERR_FILENO, &st) == 0 &&
	       (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

/* Pass on what is in the pipe (from). False: its other end is closed. */
static bool relay(int from)
{
	char text[PIPE_BUF];
	ssize_t got;

	while ((got = read(from, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)got) < 0)
			return false;
	return got < 0;
}

/* The parent passes on what the child writes to stderr, until the child is ready, or has ended. */
static void __attribute__((noreturn)) wait_for_child(int ready, int errors)
{
	struct pollfd wait[] = {
	    {.fd = ready, .events = POLLIN}, {.fd = errors, .events = errors < 0 ? 0 : POLLIN}};
	char byte;
	ssize_t got = -1;

	while (got < 0) {
		poll(wait, 2, -1);
		if (wait[1].revents && !relay(errors))
			wait[1].fd = -1;
		if (wait[0].revents)
			got = read(ready, &byte, 1);
	}
	if (errors >= 0)
		relay(errors);
	_exit(got == 1 ? 0 : 1);
}

/*
 * In the child: stdin and stdout are the null device, stderr is (errors), which the parent reads.
 */
static int detach(int errors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (errors >= 0 && dup2(errors, STDERR_FILENO) < 0))
		return log_failure("/dev/null", "%s", strerror(errno));
	close(null);
	if (errors >= 0)
		close(errors);
	return 0;
}

int daemon_fork(void)
{
	int ends[2], errors[2] = {-1, -1};
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) ||
	    (!daemon_keeps_stderr() && pipe2(errors, O_CLOEXEC | O_NONBLOCK)))
		return log_failure("daemon", "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return log_failure("daemon", "fork: %s", strerror(errno));
	if (child > 0) {
		close(ends[1]);
		if (errors[1] >= 0)
			close(errors[1]);
		wait_for_child(ends[0], errors[0]);
	}
	close(ends[0]);
	if (errors[0] >= 0)
		close(errors[0]);
	ready_pipe = ends[1];
	if (setsid() < 0)
		return log_failure("daemon", "setsid: %s", strerror(errno));
	return detach(errors[1]);
}

void daemon_ready(void)
{
	if (ready_pipe < 0)
		return;
	if (write(ready_pipe, "", 1) < 0)
		log_detail("event=warning what=parent-gone");
	close(ready_pipe);
	ready_pipe = -1;
}

/* Write the process ID to (fd). Answers (fd), or -1 with errno and (fd) closed. */
static int write_number(int fd)
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
static int write_device(const struct entry *entry)
{
	int fd = openat(entry->folder, entry->name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	/* Mustn't: write into a file that has the name by now. */
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return write_number(fd);
	close(fd);
	errno = EEXIST;
	return -1;
}

/*
 * Make the file under another name, and then rename it. So a reader of the pid file finds a whole
 * number, and nothing is written to the file that had the name, which may have links. -1 with
 * errno.
 */
static int write_file(const struct entry *entry)
{
	char name[NAME_MAX + 1];
	uint32_t number = 0;
	int fd, error;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -1;
	snprintf(name, sizeof(name), "%.240s.%08x", entry->name, number);
	fd =
	    openat(entry->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	fd = write_number(fd);
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
	fd = is_device ? write_device(&entry) : write_file(&entry);
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
