/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - the system calls that newlib asks for, over arch.h: on bare metal and under UEFI.
 *
 * Descriptors 0, 1 and 2 are the console; there are no others. The names and what they answer:
 * newlib's libc manual, "System Calls". Newlib is built so that it calls them without an underscore
 * (Makefile, MISSING_SYSCALL_NAMES).
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

/* Between two reads of the console: at 115200 baud 16 bytes take no less. */
#define CONSOLE_POLL_NS 2000000u

void _fini(void);

void _exit(int status)
{
	arch_exit(status);
}

/* exit() calls it for destructors; C has none. */
void _fini(void)
{
}

/* abort() and a failed assert() end here, with 128 and the signal, as a shell counts it. */
int kill(pid_t pid, int signal)
{
	(void)pid;
	arch_exit(128 + signal);
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

/* What these two answer differs by architecture: newlib's sys/config.h. */
_READ_WRITE_RETURN_TYPE write(int file, const void *data, size_t size)
{
	if (file != STDOUT_FILENO && file != STDERR_FILENO) {
		errno = EBADF;
		return -1;
	}
	if (size > INT32_MAX)
		size = INT32_MAX;
	arch_console_write(data, size);
	return (_READ_WRITE_RETURN_TYPE)size;
}

/* A line, or as much of one as has arrived; waits only for its first byte. Return ends a line. */
_READ_WRITE_RETURN_TYPE read(int file, void *data, size_t size)
{
	char *bytes = data;
	size_t done = 0;

	if (file != STDIN_FILENO) {
		errno = EBADF;
		return -1;
	}
	while (done < size && (done == 0 || bytes[done - 1] != '\n')) {
		int byte = arch_console_read();

		if (byte == ARCH_END_OF_INPUT || (byte < 0 && done > 0))
			break;
		if (byte < 0)
			arch_sleep(arch_doorbells(), arch_now_ns() + CONSOLE_POLL_NS);
		else
			bytes[done++] = byte == '\r' ? '\n' : (char)byte;
	}
	return (_READ_WRITE_RETURN_TYPE)done;
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

/* Counts from the start of the machine: it does not know the date. */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	uint64_t us = arch_now_ns() / 1000;

	(void)zone;
	now->tv_sec = (time_t)(us / 1000000);
	now->tv_usec = (suseconds_t)(us % 1000000);
	return 0;
}
