/* SPDX-License-Identifier: MIT */
/*
 * stop.c - signals: requests to stop, and a memory that shrinks.
 */
#include "peer/stop.h"

#include <ivsh/wire.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void remember(int signal)
{
	asked = signal;
}

/* What is mapped: one memory, or the common one of a split region and a part for each slot. */
static struct {
	int fd;
	uint64_t size;
} memories[IVSH_WIRE_SLOTS_MAX + 1];
static volatile sig_atomic_t memory_count;
static char no_space[PATH_MAX + 128];
static char gone[128] = "ivsh: the memory is lost\n";

/* Whether one of them is shorter than what is mapped of it. */
static bool is_truncated(void)
{
	struct stat st;

	for (int i = 0; i < memory_count; i++)
		if (fstat(memories[i].fd, &st) || !S_ISREG(st.st_mode) ||
		    (uint64_t)st.st_size < memories[i].size)
			return true;
	return false;
}

/*
 * A plain file cannot be sealed: a process that truncates it takes the pages away under us. A file
 * that has its length still, but not all of its pages, gets none when its file system is full.
 */
static void bus_error(int signal)
{
	static const char truncated[] = "ivsh: the memory was truncated while in use: it is lost\n";
	const char *line = memory_count == 0 ? gone : is_truncated() ? truncated : no_space;
	ssize_t written;

	(void)signal;
	written = write(STDERR_FILENO, line, strlen(line));
	(void)written;
	_exit(1);
}

void stop_memory(const char *object, int fd, uint64_t size)
{
	memory_count = 0;
	stop_memory_add(object, fd, size);
}

void stop_memory_add(const char *object, int fd, uint64_t size)
{
	int i = memory_count;

	if (i == 0)
		snprintf(no_space, sizeof(no_space),
		    "ivsh: %s: no space is left for a page of it: make room in its file system, or"
		    " allocate it as a whole before\n",
		    object);
	if (i == (int)(sizeof(memories) / sizeof(memories[0])))
		return;
	memories[i].fd = fd;
	memories[i].size = size;
	memory_count = i + 1;
}

bool stop_is_memory(const struct stat *file)
{
	struct stat st;

	for (int i = 0; i < memory_count; i++)
		if (fstat(memories[i].fd, &st) == 0 && st.st_dev == file->st_dev &&
		    st.st_ino == file->st_ino)
			return true;
	return false;
}

void stop_device(const char *object)
{
	snprintf(gone, sizeof(gone), "ivsh: %s: it was removed while in use\n", object);
}

void stop_guard(void)
{
	struct sigaction bus = {.sa_handler = bus_error};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

void stop_listen(void)
{
	/* Without SA_RESTART, so that a sleep ends. */
	struct sigaction stop = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND};
	struct sigaction hangup;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	/* nohup(1) has it ignored, and means it. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &stop, NULL);
}

int stop_signal(void)
{
	return asked;
}
