/* SPDX-License-Identifier: MIT */
/*
 * kinds.c - how each kind of memory gets its file descriptor.
 */
#include "backend/kinds.h"
#include "backend/allocate.h"
#include "backend/entry.h"
#include "backend/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8

int kinds_memfd(struct backend *backend)
{
	snprintf(backend->path, sizeof(backend->path), "memfd");
	backend->fd = memfd_create("ivsh", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (backend->fd < 0)
		return backend_fail(backend, "memfd_create");
	return 0;
}

int kinds_hugetlb(struct backend *backend, uint64_t page)
{
	/*
	 * MFD_HUGE_SHIFT is the same number; its header, linux/memfd.h, conflicts with sys/mman.h.
	 */
	unsigned size = (unsigned)__builtin_ctzll(page) << MAP_HUGE_SHIFT;

	snprintf(backend->path, sizeof(backend->path), "memfd");
	backend->fd = memfd_create("ivsh", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | size);
	if (backend->fd >= 0)
		return 0;
	snprintf(backend->error, sizeof(backend->error),
	    "%s: huge pages of %llu kB: %s: /sys/kernel/mm/hugepages lists what there is",
	    backend->path, (unsigned long long)page >> 10, strerror(errno));
	return -1;
}

/*
 * Lock the file of backend->fd by another descriptor: clients get copies of backend->fd, and could
 * keep or release a lock on it. 0; 1: another server has the lock; -1 with backend->error.
 */
static int lock_file(struct backend *backend)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", backend->fd);
	backend->lock = open(path, O_RDONLY | O_CLOEXEC);
	if (backend->lock < 0)
		return backend_fail(backend, "lock");
	if (flock(backend->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return backend_fail(backend, "lock");
	snprintf(backend->error, sizeof(backend->error),
	    "%s: is in use: another server has locked it: end that one, or give another name",
	    backend->path);
	return 1;
}

static void close_both(struct backend *backend)
{
	if (backend->lock >= 0)
		close(backend->lock);
	close(backend->fd);
	backend->fd = backend->lock = -1;
}

/*
 * Open the file again by its name. A file that was opened without a name is shown as deleted: to
 * readers of /proc, and to programs that decide by path what a machine may use.
 */
static int reopen(struct backend *backend, const struct entry *entry)
{
	int fd = openat(entry->folder, entry->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat made, st;

	backend->created = true;
	if (fd < 0)
		return backend_fail(backend, "open");
	if (fstat(backend->fd, &made) || fstat(fd, &st) || made.st_dev != st.st_dev ||
	    made.st_ino != st.st_ino) {
		close(fd);
		errno = EBUSY;
		return backend_fail(backend, "open");
	}
	close(backend->fd);
	backend->fd = fd;
	return 0;
}

/*
 * Make the file, locked and whole before it has its name: so nothing stays behind if we are killed
 * meanwhile, as the kernel does when memory is short. 0; 1: there is a file of that name, perhaps
 * since a moment ago; -1 with backend->error.
 */
static int create(struct backend *backend, const struct entry *entry)
{
	int flags = O_RDWR | O_CLOEXEC;
	struct stat st;
	char path[64];

	if (fstatat(entry->folder, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	backend->fd = openat(entry->folder, ".", O_TMPFILE | flags, 0600);
	if (backend->fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", backend->fd);
		if (allocate_all(backend))
			return -1;
		if (lock_file(backend) == 0 &&
		    linkat(AT_FDCWD, path, entry->folder, entry->name, AT_SYMLINK_FOLLOW) == 0)
			return reopen(backend, entry);
		close_both(backend);
	}
	/*
	 * Not all file systems have O_TMPFILE. Another process may lock the file between these two
	 * calls.
	 */
	backend->fd =
	    openat(entry->folder, entry->name, O_CREAT | O_EXCL | O_NOFOLLOW | flags, 0600);
	if (backend->fd < 0)
		return errno == EEXIST ? 1 : backend_fail(backend, "open");
	backend->created = lock_file(backend) == 0;
	return backend->created ? 0 : -1;
}

/*
 * Open the existing file, if it is trusted and no server uses it. 0; 1: it is gone by now; -1 with
 * backend->error.
 */
static int take_existing(
    struct backend *backend, const struct backend_request *request, const struct entry *entry)
{
	struct stat st;

	/* O_NONBLOCK: if it is a FIFO by mistake, open(2) must not wait for its other end. */
	backend->fd =
	    openat(entry->folder, entry->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (backend->fd < 0)
		return errno == ENOENT ? 1 : backend_fail(backend, "open");
	if (trust_check(backend, request) || fstat(backend->fd, &st))
		return -1;
	if (S_ISREG(st.st_mode) && lock_file(backend))
		return -1;
	if (entry_is(entry, &st))
		return 0;
	/* The server that held it has removed it. */
	close_both(backend);
	return 1;
}

/*
 * Open the object or file at backend->path. Making and opening are tried in turns, so that
 * (created) is true only in the one process that made it. Symbolic links are not followed, since
 * other users may write to the directory.
 */
static int open_named(struct backend *backend, const struct backend_request *request)
{
	struct entry entry;
	int result = 1;

	if (request->folder > 0 ? entry_open_in(&entry, request->folder, backend->path)
				: entry_open(&entry, backend->path))
		return backend_fail(backend, "open");
	for (unsigned i = 0; result > 0 && i < TRIES; i++) {
		result = create(backend, &entry);
		if (result > 0)
			result = take_existing(backend, request, &entry);
	}
	entry_close(&entry);
	errno = EBUSY;
	return result > 0 ? backend_fail(backend, "open") : result;
}

int kinds_shm(struct backend *backend, const struct backend_request *request)
{
	const char *bare = request->name + strspn(request->name, "/");
	int length = snprintf(backend->path, sizeof(backend->path), "/dev/shm/%s", bare);

	if (*bare == '\0' || strchr(bare, '/') || length - 9 > NAME_MAX) {
		errno = EINVAL;
		return backend_fail(backend, "not the name of a shared memory object");
	}
	return open_named(backend, request);
}

int kinds_file(struct backend *backend, const struct backend_request *request)
{
	if (snprintf(backend->path, sizeof(backend->path), "%s", request->name) >=
	    (int)sizeof(backend->path)) {
		errno = ENAMETOOLONG;
		return backend_fail(backend, "open");
	}
	return open_named(backend, request);
}

int kinds_huge(struct backend *backend, const char *directory)
{
	int length = snprintf(backend->path, sizeof(backend->path), "%s/ivsh-XXXXXX", directory);

	if (length >= (int)sizeof(backend->path)) {
		errno = ENAMETOOLONG;
		return backend_fail(backend, "mkstemp");
	}
	/* At best the file never has a name. */
	backend->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (backend->fd >= 0)
		return 0;
	backend->fd = mkostemp(backend->path, O_CLOEXEC);
	if (backend->fd < 0)
		return backend_fail(backend, "mkstemp");
	/* From here on the file exists as long as a process holds it. */
	unlink(backend->path);
	return 0;
}
