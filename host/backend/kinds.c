/* SPDX-License-Identifier: MIT */
/*
 * kinds.c - how each kind of memory gets its file descriptor.
 */
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int kinds_memfd(struct backend *backend)
{
	snprintf(backend->path, sizeof backend->path, "memfd");
	backend->fd = memfd_create("ivsh", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (backend->fd < 0)
		return backend_fail(backend, "memfd_create");
	return 0;
}

int kinds_hugetlb(struct backend *backend, uint64_t page)
{
	/* linux/memfd.h's MFD_HUGE_SHIFT is the same number; it and sys/mman.h do not go together. */
	unsigned size = (unsigned)__builtin_ctzll(page) << MAP_HUGE_SHIFT;

	snprintf(backend->path, sizeof backend->path, "memfd");
	backend->fd = memfd_create("ivsh", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | size);
	if (backend->fd >= 0)
		return 0;
	snprintf(backend->error, sizeof backend->error,
	    "%s: huge pages of %llu kB: %s: /sys/kernel/mm/hugepages lists what there is",
	    backend->path, (unsigned long long)page >> 10, strerror(errno));
	return -1;
}

/*
 * The object or file at backend->path, opened by (open_named). Creating and opening are tried in
 * turns, so that (created) is true only for the one process that made it. Symbolic links are not
 * followed: the directory may be one that others write to.
 */
static int kinds_named(
    struct backend *backend, const char *name, int (*open_named)(const char *, int, mode_t))
{
	for (unsigned attempt = 0; attempt < 8; attempt++) {
		backend->fd =
		    open_named(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (backend->fd >= 0) {
			backend->created = true;
			return 0;
		}
		if (errno != EEXIST)
			break;
		backend->fd = open_named(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
		if (backend->fd >= 0)
			return 0;
		if (errno != ENOENT)
			break;
	}
	return backend_fail(backend, "open");
}

static int kinds_open(const char *name, int flags, mode_t mode)
{
	return open(name, flags, mode);
}

int kinds_shm(struct backend *backend, const char *name)
{
	const char *bare = name + strspn(name, "/");
	int length = snprintf(backend->path, sizeof backend->path, "/dev/shm/%s", bare);

	if (*bare == '\0' || strchr(bare, '/') || length - 9 > NAME_MAX) {
		errno = EINVAL;
		return backend_fail(backend, "not the name of a shared memory object");
	}
	return kinds_named(backend, bare, shm_open);
}

int kinds_file(struct backend *backend, const char *path)
{
	if (snprintf(backend->path, sizeof backend->path, "%s", path) >=
	    (int)sizeof backend->path) {
		errno = ENAMETOOLONG;
		return backend_fail(backend, "open");
	}
	return kinds_named(backend, path, kinds_open);
}

int kinds_huge(struct backend *backend, const char *directory)
{
	int length = snprintf(backend->path, sizeof backend->path, "%s/ivsh-XXXXXX", directory);

	if (length >= (int)sizeof backend->path) {
		errno = ENAMETOOLONG;
		return backend_fail(backend, "mkstemp");
	}
	backend->fd = mkostemp(backend->path, O_CLOEXEC);
	if (backend->fd < 0)
		return backend_fail(backend, "mkstemp");
	/* From here on the file lives as long as somebody holds it. */
	unlink(backend->path);
	return 0;
}
