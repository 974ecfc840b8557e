/* SPDX-License-Identifier: MIT */
/*
 * stop.c - signals: requests to stop, and a memory that shrinks.
 */
#include "peer/stop.h"

#include "app/world.h"

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

/* What is mapped, of all places: one memory each, or a common one and a part for each slot. */
static struct {
	const char *object;
	void *base;
	uint64_t size;
	int fd;
	uint32_t slot; /* of a part that zeroes can replace; IVSH_SELF_NONE: nothing can */
} memories[WORLD_PLACES * (IVSH_WIRE_SLOTS_MAX + 1)];
static volatile sig_atomic_t memory_count;
static char gone[128] = "ivsh: the memory is lost\n";

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
}

static void say_number(uint32_t number)
{
	char text[12], *digit = text + sizeof(text) - 1;

	*digit = '\0';
	do
		*--digit = (char)('0' + number % 10);
	while (number /= 10);
	say(digit);
}

/* The memory that has (address); -1: none of them. */
static int memory_find(const void *address)
{
	for (int i = 0; i < memory_count; i++)
		if ((uintptr_t)address - (uintptr_t)memories[i].base < memories[i].size)
			return i;
	return -1;
}

static bool is_truncated(int i)
{
	struct stat st;

	return fstat(memories[i].fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	       (uint64_t)st.st_size < memories[i].size;
}

/*
 * Put zeroes in the place of part (i). mmap(2) is no function that POSIX lists as safe in a
 * handler; on Linux it is the system call and nothing else.
 */
static bool is_replaced(int i)
{
	if (memories[i].slot == IVSH_SELF_NONE ||
	    mmap(memories[i].base, (size_t)memories[i].size, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return false;
	say("ivsh: ");
	say(memories[i].object);
	say(": part ");
	say_number(memories[i].slot);
	say(": it was truncated while in use, or there is no space for a page of it: from now on it"
	    " reads as zeroes\n");
	return true;
}

/*
 * A plain file cannot be sealed: a process that truncates it takes the pages away under us. A file
 * that has its length still, but not all of its pages, gets none when its file system is full.
 */
static void bus_error(int signal, siginfo_t *info, void *ctx)
{
	int error = errno, i = memory_find(info->si_addr);

	(void)signal;
	(void)ctx;
	if (i >= 0 && is_replaced(i)) {
		errno = error;
		return;
	}
	if (i < 0) {
		say(gone);
	} else if (is_truncated(i)) {
		say("ivsh: the memory was truncated while in use: it is lost\n");
	} else {
		say("ivsh: ");
		say(memories[i].object);
		say(": no space is left for a page of it: make room in its file system, or allocate"
		    " it as a whole before\n");
	}
	_exit(1);
}

void stop_clear(void)
{
	memory_count = 0;
}

void stop_part(const char *object, uint32_t slot, void *base, int fd, uint64_t size)
{
	int i = memory_count;

	if (i == (int)(sizeof(memories) / sizeof(memories[0])))
		return;
	memories[i].object = object;
	memories[i].base = base;
	memories[i].size = size;
	memories[i].fd = fd;
	memories[i].slot = slot;
	memory_count = i + 1;
}

void stop_memory(const char *object, void *base, int fd, uint64_t size)
{
	stop_part(object, IVSH_SELF_NONE, base, fd, size);
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
