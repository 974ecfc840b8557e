/* SPDX-License-Identifier: MIT */
/*
 * allocate.c - a file becomes memory: its type, its size, and every byte allocated.
 */
#include "backend/allocate.h"
#include "backend/available.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Check that it is a regular file with no bytes, or with exactly backend->size bytes. */
static int check_file(struct backend *backend)
{
	struct stat st;
	struct statfs fs;

	if (fstat(backend->fd, &st) || fstatfs(backend->fd, &fs))
		return backend_fail(backend, "stat");
	if ((uint32_t)fs.f_type == HUGETLBFS_MAGIC) {
		backend->is_huge = true;
		backend->page = (uint64_t)fs.f_bsize;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(backend->error, sizeof(backend->error), "%s: not a regular file",
		    backend->path);
		return -1;
	}
	if (backend->resize && (uint64_t)st.st_size > backend->size &&
	    ftruncate(backend->fd, (off_t)backend->size))
		return backend_fail(backend, "ftruncate");
	if (st.st_size != 0 && (uint64_t)st.st_size != backend->size && !backend->resize) {
		snprintf(backend->error, sizeof(backend->error),
		    "%s: has %lld bytes, %llu are asked for: remove it, or ask for its size",
		    backend->path, (long long)st.st_size, (unsigned long long)backend->size);
		return -1;
	}
	if (backend->size % backend->page != 0) {
		snprintf(backend->error, sizeof(backend->error),
		    "%s: %llu bytes are no multiple of its page size, %llu", backend->path,
		    (unsigned long long)backend->size, (unsigned long long)backend->page);
		return -1;
	}
	return 0;
}

/* Give an empty or new file its size, and allocate every byte. 0, or -1 with backend->error. */
static int allocate(struct backend *backend)
{
	uint64_t had;
	struct stat st;
	int error;

	if (fstat(backend->fd, &st))
		return backend_fail(backend, "stat");
	had = (uint64_t)st.st_blocks * 512;
	/*
	 * Also if it has its size already: a hole that cannot be filled would end a guest by
	 * SIGBUS.
	 */
	error = posix_fallocate(backend->fd, 0, (off_t)backend->size);
	if (error == 0)
		return 0;
	/* An empty file may have grown in part: make it empty again. */
	if ((uint64_t)st.st_size < backend->size && ftruncate(backend->fd, 0) < 0)
		error = errno;
	if (backend->is_huge)
		return available_explain(backend, had, error);
	snprintf(backend->error, sizeof(backend->error), "%s: cannot allocate %llu bytes: %s",
	    backend->path, (unsigned long long)backend->size, strerror(error));
	return -1;
}

int allocate_all(struct backend *backend)
{
	return check_file(backend) || available_check(backend) || allocate(backend) ? -1 : 0;
}
