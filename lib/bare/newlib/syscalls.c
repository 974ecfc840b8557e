/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - what newlib asks of an operating system, over arch.h.
 *
 * Descriptors 0, 1 and 2 are the console; there are no others. The names and what they answer:
 * newlib's libc manual, "System Calls". On x86_64 newlib calls them without an underscore.
 */
#define _DEFAULT_SOURCE /* sbrk, kill */
#include "bare/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define END_OF_FILE 0x04 /* what Ctrl-D sends */
#define CONSOLE_LOOK_NS \
	2000000u /* between two looks for a byte: 16 arrive in no less at 115200 baud */

void _fini(void);

void _exit(int status)
{
	arch_exit(status);
}

/* Called by exit() for destructors; there are none in C. */
void _fini(void)
{
}

/* abort() and a failed assert() end here: arch_exit() makes 127 of what is not an exit status. */
int kill(pid_t pid, int signal)
{
	(void)pid;
	(void)signal;
	arch_exit(128);
}

pid_t getpid(void)
{
	return 1;
}

void *sbrk(ptrdiff_t increment)
{
	void *old = arch_heap_grow(increment);

	if (old == NULL) {
		errno = ENOMEM;
		return (void *)-1;
	}
	return old;
}

int write(int file, const void *data, size_t size)
{
	if (file != STDOUT_FILENO && file != STDERR_FILENO) {
		errno = EBADF;
		return -1;
	}
	if (size > INT32_MAX)
		size = INT32_MAX;
	arch_console_write(data, size);
	return (int)size;
}

/* A line, or what is there of one: waits for its first byte alone. Return ends a line. */
int read(int file, void *data, size_t size)
{
	char *bytes = data;
	size_t done = 0;

	if (file != STDIN_FILENO) {
		errno = EBADF;
		return -1;
	}
	while (done < size && (done == 0 || bytes[done - 1] != '\n')) {
		int byte = arch_console_read();

		if (byte == END_OF_FILE || (byte < 0 && done > 0))
			break;
		if (byte < 0)
			arch_sleep(arch_doorbells(), arch_now_ns() + CONSOLE_LOOK_NS);
		else
			bytes[done++] = byte == '\r' ? '\n' : (char)byte;
	}
	return (int)done;
}

int open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	errno = ENOENT;
	return -1;
}

int close(int file)
{
	(void)file;
	errno = EBADF;
	return -1;
}

off_t lseek(int file, off_t offset, int whence)
{
	(void)file;
	(void)offset;
	(void)whence;
	errno = ESPIPE;
	return -1;
}

int fstat(int file, struct stat *out)
{
	(void)file;
	*out = (struct stat){.st_mode = S_IFCHR};
	return 0;
}

int isatty(int file)
{
	return file >= 0 && file <= STDERR_FILENO;
}

/* Counts from the start of the machine: nobody says what day it is. */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	uint64_t us = arch_now_ns() / 1000;

	(void)zone;
	now->tv_sec = (time_t)(us / 1000000);
	now->tv_usec = (suseconds_t)(us % 1000000);
	return 0;
}
