/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - what newlib asks of an operating system, over boot services.
 *
 * Descriptors 0, 1 and 2 are the console; nothing can be read from it. The names and what they
 * answer: newlib's libc manual, "System Calls".
 */
#define _DEFAULT_SOURCE /* sbrk, kill */
#include "uefi/syscalls.h"
#include "uefi/console.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Memory comes from the firmware in pieces, as it is needed: 256 KiB hold what most commands take (stdio
 * 3 KiB, eight channels 60 KiB), and what asks for more gets a piece of its own. OVMF clears what is given
 * back, 7 ms for each MiB under TCG. newlib's small malloc asks nothing of sbrk() but that what it
 * answers is not in use: the pieces need not touch.
 */
#define PIECE_SIZE (UINT32_C(1) << 18)
#define PIECE_ALIGN 16u

struct piece {
	struct piece *next;
	size_t size; /* bytes, this struct included */
};
_Static_assert(sizeof(struct piece) % PIECE_ALIGN == 0, "what stands behind it is aligned");

static struct {
	EFI_BOOT_SERVICES *services;
	struct piece *pieces; /* the last one first */
	size_t used;          /* bytes of the last one */
} arena;

static jmp_buf home; /* where _exit() goes: syscalls_run() */
static int exit_status;

/* Take a piece of (size) bytes at least. */
static EFI_STATUS piece_take(size_t size)
{
	EFI_PHYSICAL_ADDRESS base;
	struct piece *piece;
	EFI_STATUS status;

	size = (size + EFI_PAGE_SIZE - 1) / EFI_PAGE_SIZE * EFI_PAGE_SIZE;
	status = arena.services->AllocatePages(
	    AllocateAnyPages, EfiLoaderData, size / EFI_PAGE_SIZE, &base);
	if (EFI_ERROR(status))
		return status;
	piece = (struct piece *)(uintptr_t)base;
	*piece = (struct piece){.next = arena.pieces, .size = size};
	arena.pieces = piece;
	arena.used = sizeof(*piece);
	return EFI_SUCCESS;
}

EFI_STATUS syscalls_open(EFI_BOOT_SERVICES *services)
{
	arena.services = services;
	return piece_take(PIECE_SIZE);
}

void syscalls_close(void)
{
	while (arena.pieces) {
		struct piece *piece = arena.pieces;

		arena.pieces = piece->next;
		arena.services->FreePages(
		    (EFI_PHYSICAL_ADDRESS)(uintptr_t)piece, piece->size / EFI_PAGE_SIZE);
	}
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

/* Whether there is room for (size) bytes in the last piece, or in a new one. */
static bool room_make(size_t size)
{
	size_t need = size + sizeof(struct piece);

	if (size <= arena.pieces->size - arena.used)
		return true;
	/* Little memory is no reason to fail while the rest of it is enough. */
	if (need < PIECE_SIZE && !EFI_ERROR(piece_take(PIECE_SIZE)))
		return true;
	return !EFI_ERROR(piece_take(need));
}

/* Nothing is given back before the end: newlib's malloc never asks for it. */
void *sbrk(ptrdiff_t increment)
{
	size_t size = ((size_t)increment + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN;
	char *start;

	if (increment < 0 || increment > PTRDIFF_MAX / 2 || !room_make(size)) {
		errno = ENOMEM;
		return (void *)-1;
	}
	start = (char *)arena.pieces + arena.used;
	arena.used += size;
	return start;
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
