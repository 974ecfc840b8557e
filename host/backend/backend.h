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
	BACKEND_MEMFD,   /* anonymous, sealed: nobody can change its size */
	BACKEND_SHM,     /* a POSIX shared memory object, by name */
	BACKEND_FILE,    /* a file, by path */
	BACKEND_HUGE,    /* an unlinked file in a directory, meant for hugetlbfs */
	BACKEND_HUGETLB, /* anonymous and sealed like BACKEND_MEMFD, on huge pages */
};

#define BACKEND_KEEP UINT32_MAX /* of a mode, of a group: as it comes */

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
	uint32_t most;      /* permissions that what exists may have; 0: those of (mode), or 0600 */
	bool as_is;         /* take what exists, whoever owns it and whoever may open it */
};

struct backend {
	enum backend_kind kind;
	int fd;              /* open for reading and writing, close-on-exec; -1: closed */
	int lock;            /* of a name: locked while it is open, and shared with nobody who
	                               gets (fd), so that it falls with its holders; -1: no name */
	uint64_t size;       /* bytes, all of them allocated */
	uint64_t page;       /* the least that can be mapped of it; a power of two */
	bool is_huge;        /* on huge pages; not so BACKEND_HUGE in an ordinary directory,
	                               which is allowed, as QEMU does, and worth a warning */
	bool created;        /* made by this open: close takes its name away */
	char path[PATH_MAX]; /* where it is, for a reader; the name that close takes away */
	char error[PATH_MAX + 320]; /* after a failure: the object and what is wrong, in one line */
};

/*
 * Open, or make, the memory that (request) describes.
 *
 * An object or file that exists is taken as it is when its size is request->size, and given its
 * size when it is empty. With any other size it is refused and stays as it is: whoever maps it
 * would die of a truncation. Refused as well is what another user but root owns, and what more
 * may open than (mode) and (group) say: who can open it can read, change and truncate it. Mode and
 * group are for what this call makes: what exists keeps its own. They are set last, so nobody else
 * opens it before it is whole. What another open of this kind has locked is refused.
 *
 * All bytes are allocated now, so that none is missing later; when huge pages are too few the error
 * says how many are needed and free, and where to bring more.
 *
 * Answers 0, or -1 with backend->error and nothing left behind.
 */
int backend_open(struct backend *backend, const struct backend_request *request);

/* Close; the name goes if, and only if, open made it. Mappings and other holders stay alive. */
void backend_close(struct backend *backend);

#endif
