/* SPDX-License-Identifier: MIT */
/*
 * backend.h - the memory behind a region, by kind: where it comes from and who takes it away.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum backend_kind {
	BACKEND_MEMFD, /* anonymous, sealed: nobody can change its size */
	BACKEND_SHM,   /* a POSIX shared memory object, by name */
	BACKEND_FILE,  /* a file, by path */
	BACKEND_HUGE,  /* an unlinked file in a directory, meant for hugetlbfs */
};

struct backend {
	enum backend_kind kind;
	int fd;                     /* open for reading and writing, close-on-exec; -1: closed */
	uint64_t size;              /* bytes, all of them allocated */
	uint64_t page;              /* the least that can be mapped of it; a power of two */
	bool created;               /* made by this open: close takes its name away */
	char path[PATH_MAX];        /* where it is, for a reader; the name that close takes away */
	char error[PATH_MAX + 160]; /* after a failure: the object and what is wrong, in one line */
};

/*
 * Open, or make, (size) bytes of memory. (name) is the object of BACKEND_SHM, the path of
 * BACKEND_FILE, the directory of BACKEND_HUGE; NULL for BACKEND_MEMFD.
 *
 * An object or file that exists is taken as it is when its size is (size), and given its size when
 * it is empty. With any other size it is refused and stays as it is: whoever maps it would die of a
 * truncation. All bytes are allocated now, so that none is missing later.
 *
 * Answers 0, or -1 with backend->error and nothing left behind.
 */
int backend_open(struct backend *backend, enum backend_kind kind, const char *name, uint64_t size);

/* Close; the name goes if, and only if, open made it. Mappings and other holders stay alive. */
void backend_close(struct backend *backend);

#endif
