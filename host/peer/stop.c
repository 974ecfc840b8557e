/* SPDX-License-Identifier: MIT */
/*
 * stop.c - signals: requests to stop, and a memory that shrinks.
 */
#include "peer/stop.h"

#include <ivsh/wire.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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
	void *base; /* of a part that zeroes can replace; else NULL */
	uint32_t slot;
} memories[IVSH_WIRE_SLOTS_MAX + 1];
static volatile sig_atomic_t memory_count;
static char lost_part[PATH_MAX + 16]; /* the beginning of a line: the region, "part " */
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

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
}

/*
 * If (address) is in a part, put zeroes in its place. mmap(2) is no function that POSIX lists as
 * safe in a handler; on Linux it is the system call and nothing else.
 */
static bool is_replaced(const void *address)
{
	char number[12], *digit = number + sizeof(number) - 1;

	for (int i = 0; i < memory_count; i++) {
		uint32_t slot = memories[i].slot;

		if (!memories[i].base ||
		    (uintptr_t)address - (uintptr_t)memories[i].base >= memories[i].size ||
		    mmap(memories[i].base, (size_t)memories[i].size, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			0) == MAP_FAILED)
			continue;
		*digit = '\0';
		do
			*--digit = (char)('0' + slot % 10);
		while (slot /= 10);
		say(lost_part);
		say(digit);
		say(": it was truncated while in use, or there is no space for a page of it: from"
		    " now on it reads as zeroes\n");
		return true;
	}
	return false;
}

/*
 * A plain file cannot be sealed: a process that truncates it takes the pages away under us. A file
 * that has its length still, but not all of its pages, gets none when its file system is full.
 */
static void bus_error(int signal, siginfo_t *info, void *ctx)
{
	static const char truncated[] = "ivsh: the memory was truncated while in use: it is lost\n";
	int error = errno;

	(void)signal;
	(void)ctx;
	if (!is_replaced(info->si_addr)) {
		say(memory_count == 0 ? gone : is_truncated() ? truncated : no_space);
		_exit(1);
	}
	errno = error;
}

void stop_memory(const char *object, int fd, uint64_t size)
{
	memory_count = 0;
	stop_memory_add(object, fd, size);
}

void stop_memory_add(const char *object, int fd, uint64_t size)
{
	int i = memory_count;

	if (i == 0) {
		snprintf(lost_part, sizeof(lost_part), "ivsh: %s: part ", object);
		snprintf(no_space, sizeof(no_space),
		    "ivsh: %s: no space is left for a page of it: make room in its file system, or"
		    " allocate it as a whole before\n",
		    object);
	}
	if (i == (int)(sizeof(memories) / sizeof(memories[0])))
		return;
	memories[i].fd = fd;
	memories[i].size = size;
	memories[i].base = NULL;
	memory_count = i + 1;
}

void stop_part(const char *object, uint32_t slot, void *base, int fd, uint64_t size)
{
	int i = memory_count;

	stop_memory_add(object, fd, size);
	if (memory_count == i)
		return;
	memories[i].slot = slot;
	memories[i].base = base;
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
	struct sigaction bus = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO};
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
