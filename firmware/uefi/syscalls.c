/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - what newlib asks of an operating system, over boot services.
 *
 * Descriptors 0, 1 and 2 are the console; nothing can be read from it. The names and what they
 * answer: newlib's libc manual, "System Calls".
 */
#define _DEFAULT_SOURCE /* sbrk, kill */
#include "syscalls.h"
#include "console.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 4 MiB, or what there is on a machine that has less, down to 1 MiB. More takes longer: OVMF clears
 * what is given back, 7 ms for each MiB under TCG. stdio takes about 3 KiB. */
#define ARENA_PAGES 1024u
#define ARENA_PAGES_LEAST 256u

static struct {
	EFI_BOOT_SERVICES *services;
	EFI_PHYSICAL_ADDRESS base;
	size_t pages;
	size_t used;
} arena;

static jmp_buf home; /* where _exit() goes: syscalls_run() */
static int exit_status;

EFI_STATUS syscalls_open(EFI_BOOT_SERVICES *services)
{
	EFI_STATUS status;

	arena.services = services;
	for (arena.pages = ARENA_PAGES;; arena.pages /= 2) {
		status = services->AllocatePages(
		    AllocateAnyPages, EfiLoaderData, arena.pages, &arena.base);
		if (!EFI_ERROR(status) || arena.pages == ARENA_PAGES_LEAST)
			return status;
	}
}

void syscalls_close(void)
{
	arena.services->FreePages(arena.base, arena.pages);
	arena.base = 0;
}

int syscalls_run(int (*program)(void *ctx), void *ctx)
{
	if (setjmp(home) == 0)
		exit(program(ctx));
	return exit_status;
}

void _exit(int status)
{
	exit_status = status;
	longjmp(home, 1);
}

/* Called by newlib's exit() for programs that have destructors; this one has none. */
void _fini(void);
void _fini(void)
{
}

void *sbrk(ptrdiff_t increment)
{
	size_t size = arena.pages * EFI_PAGE_SIZE;
	char *end = (char *)(uintptr_t)arena.base + arena.used;

	if (increment < 0 ? -(size_t)increment > arena.used
			  : (size_t)increment > size - arena.used) {
		errno = ENOMEM;
		return (void *)-1;
	}
	arena.used += (size_t)increment;
	return end;
}

int write(int file, const void *data, size_t size)
{
	if (file != STDOUT_FILENO && file != STDERR_FILENO) {
		errno = EBADF;
		return -1;
	}
	if (size > INT32_MAX)
		size = INT32_MAX;
	console_write(data, size);
	return (int)size;
}

int read(int file, void *data, size_t size)
{
	(void)file;
	(void)data;
	(void)size;
	return 0; /* end of file */
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

pid_t getpid(void)
{
	return 1;
}

/* abort() and a failed assert() end here: as a shell counts it, 128 and the signal. */
int kill(pid_t pid, int signal)
{
	(void)pid;
	_exit(128 + signal);
}
