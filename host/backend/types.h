/* SPDX-License-Identifier: MIT */
/*
 * types.h - the memory behind a region: its kinds, what is asked for, and what was opened.
 */
#ifndef BACKEND_TYPES_H
#define BACKEND_TYPES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum backend_kind {
	BACKEND_MEMFD,   /* anonymous, sealed: nobody can change its size */
	BACKEND_SHM,     /* a POSIX shared memory object, by name */
	BACKEND_FILE,    /* a file, by path */
	BACKEND_HUGE,    /* an unlinked file in a directory, meant for hugetlbfs */
	BACKEND_HUGETLB, /* anonymous and sealed like BACKEND_MEMFD, on huge pages */
};

#define BACKEND_KEEP UINT32_MAX /* for mode and group: do not change it */

/* What is asked for. */
struct backend_request {
	enum backend_kind kind;
	const char *name;   /* the object of BACKEND_SHM, the path of BACKEND_FILE, the directory of
	                     BACKEND_HUGE; NULL for the anonymous kinds */
	uint64_t size;      /* bytes, a multiple of the pages that it shall lie on */
	uint64_t huge_page; /* bytes of one page of BACKEND_HUGETLB, a power of two: one of those in
	                       /sys/kernel/mm/hugepages; other kinds: ignored */
	uint32_t mode;      /* permissions, to 0777; BACKEND_KEEP: 0600, or a memfd's own */
	uint32_t group;     /* whom it belongs to beside our user; BACKEND_KEEP: our group */
	uint32_t most; /* permissions that an existing file may have; 0: those of (mode), or 0600 */
	uint32_t owner; /* whose an existing file may be, too, with any mode; 0: nobody else's */
	int folder;     /* of BACKEND_FILE: the folder of (name), held open; 0: resolve the path */
	bool resize;    /* an existing file of another size gets this one */
	bool as_is;     /* take an existing file, whoever owns it and whoever may open it */
};

struct backend {
	enum backend_kind kind;
	int fd;              /* open for reading and writing, close-on-exec; -1: closed */
	int lock;            /* of a named file: holds the lock, and is never passed to a client, so
	                        that the lock ends with supervisor and server; -1: no name */
	uint64_t size;       /* bytes, all of them allocated */
	uint64_t page;       /* the least that can be mapped of it; a power of two */
	bool resize;         /* as requested */
	bool is_huge;        /* on huge pages; false for BACKEND_HUGE in an ordinary directory,
	                        which is allowed, as by QEMU, and worth a warning */
	bool created;        /* this open made it: close removes its name */
	char path[PATH_MAX]; /* where it is, for a reader; the name that close removes */
	char error[PATH_MAX + 320]; /* after a failure: the object and what is wrong, in one line */
};

/* Write backend->error: the path, (what) failed, and errno. Returns -1. */
int backend_fail(struct backend *backend, const char *what);

#endif
