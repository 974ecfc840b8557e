/* SPDX-License-Identifier: MIT */
/*
 * backend.c - what all kinds of memory share: size, allocation, seals, the end.
 */
#include "backend/backend.h"
#include "backend/cgroup.h"
#include "backend/entry.h"
#include "backend/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define GROUP_SPARE (UINT64_C(4) << 20) /* what two processes need beside the memory */

int backend_fail(struct backend *backend, const char *what)
{
	snprintf(backend->error, sizeof(backend->error), "%s: %s: %s", backend->path, what,
	    strerror(errno));
	return -1;
}

/* What the kernel thinks that it can give without swapping; UINT64_MAX: it does not say. */
static uint64_t machine_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	uint64_t available = UINT64_MAX;
	char line[128];

	if (!file)
		return available;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			available = (uint64_t)kib << 10;
	fclose(file);
	return available;
}

/*
 * A memfd has no limit of its own: allocating more than the machine or our control group has would
 * end in the out-of-memory killer, for us or for others. Pages that are there already count for
 * nothing.
 */
static int check_available(struct backend *backend)
{
	uint64_t available, group_available;
	char group[PATH_MAX];
	struct statfs fs;
	struct stat st;

	if (fstatfs(backend->fd, &fs) || fstat(backend->fd, &st))
		return backend_fail(backend, "stat");
	if (fs.f_type != TMPFS_MAGIC || (uint64_t)st.st_blocks * 512 >= backend->size)
		return 0;
	available = machine_available();
	group_available = cgroup_available("", group);
	if (backend->size > available)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: the machine has %llu available", backend->path,
		    (unsigned long long)backend->size, (unsigned long long)available);
	else if (group_available < GROUP_SPARE || backend->size > group_available - GROUP_SPARE)
		snprintf(backend->error, sizeof(backend->error),
		    "%.*s: cannot allocate %llu bytes: the control group has %llu left: raise its"
		    " memory limit: %.*s",
		    PATH_MAX / 2, backend->path, (unsigned long long)backend->size,
		    (unsigned long long)group_available, PATH_MAX / 2, group);
	else
		return 0;
	return -1;
}

/* A number that the kernel keeps about its huge pages of (page) bytes; 0: it has none such. */
static uint64_t read_pool(uint64_t page, const char *what)
{
	char path[96];
	unsigned long long count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
	    (unsigned long long)page >> 10, what);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

/* Too few huge pages: (backend) has those that it got, until the caller gives them back. */
static int explain_shortage(struct backend *backend, uint64_t had, int error)
{
	uint64_t needed = (backend->size - had) / backend->page;
	uint64_t pool = read_pool(backend->page, "free_hugepages");
	uint64_t reserved = read_pool(backend->page, "resv_hugepages");
	struct statfs fs;

	pool = pool > reserved ? pool - reserved : 0;
	/* A mount may have a limit of its own; without one it says 0 or -1. hugetlbfs_statfs(). */
	if (pool >= needed && fstatfs(backend->fd, &fs) == 0 && fs.f_blocks > 0 &&
	    (uint64_t)fs.f_bavail < needed)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: huge pages of %llu kB: %llu needed, and the mount"
		    " has room for %llu: mount it with a greater size=",
		    backend->path, (unsigned long long)backend->size,
		    (unsigned long long)backend->page >> 10, (unsigned long long)needed,
		    (unsigned long long)fs.f_bavail);
	else
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: %s: huge pages of %llu kB: %llu needed, %llu"
		    " free: raise /sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
		    backend->path, (unsigned long long)backend->size, strerror(error),
		    (unsigned long long)backend->page >> 10, (unsigned long long)needed,
		    (unsigned long long)pool, (unsigned long long)backend->page >> 10);
	return -1;
}

/* Give the empty or new descriptor its size, with every byte allocated. */
static int allocate(struct backend *backend)
{
	uint64_t had;
	struct stat st;
	int error;

	if (fstat(backend->fd, &st))
		return backend_fail(backend, "stat");
	had = (uint64_t)st.st_blocks * 512;
	/* Also for what has its size already: a sparse file would end in SIGBUS under a guest. */
	error = posix_fallocate(backend->fd, 0, (off_t)backend->size);
	if (error == 0)
		return 0;
	/* What was empty was grown in part, perhaps: leave it as it was found. */
	if ((uint64_t)st.st_size < backend->size && ftruncate(backend->fd, 0) < 0)
		error = errno;
	if (backend->is_huge)
		return explain_shortage(backend, had, error);
	snprintf(backend->error, sizeof(backend->error), "%s: cannot allocate %llu bytes: %s",
	    backend->path, (unsigned long long)backend->size, strerror(error));
	return -1;
}

/* What is there must be a file of no bytes or of exactly (size) bytes. */
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
	if (st.st_size != 0 && (uint64_t)st.st_size != backend->size) {
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

/*
 * Nobody who holds the descriptor can shrink it under the others (SIGBUS), grow it, or undo this.
 * Write seals are left out: QEMU maps it writable.
 */
static int seal(struct backend *backend)
{
	if (backend->kind != BACKEND_MEMFD && backend->kind != BACKEND_HUGETLB)
		return 0;
	if (fcntl(backend->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return backend_fail(backend, "F_ADD_SEALS");
	return 0;
}

/* The group first: with its new mode the object is never open to a group that is not meant. */
static int set_permissions(struct backend *backend, const struct backend_request *request)
{
	bool existed =
	    (backend->kind == BACKEND_SHM || backend->kind == BACKEND_FILE) && !backend->created;

	if (existed)
		return 0;
	if (request->group != BACKEND_KEEP && fchown(backend->fd, (uid_t)-1, request->group))
		return backend_fail(backend, "cannot give it to the group");
	if (request->mode != BACKEND_KEEP && fchmod(backend->fd, request->mode))
		return backend_fail(backend, "cannot set its mode");
	return 0;
}

static int open_kind(struct backend *backend, const struct backend_request *request)
{
	switch (request->kind) {
	case BACKEND_MEMFD:
		return kinds_memfd(backend);
	case BACKEND_SHM:
		return kinds_shm(backend, request);
	case BACKEND_FILE:
		return kinds_file(backend, request);
	case BACKEND_HUGE:
		return kinds_huge(backend, request->name);
	case BACKEND_HUGETLB:
		return kinds_hugetlb(backend, request->huge_page);
	}
	errno = EINVAL;
	return backend_fail(backend, "unknown kind of memory");
}

int backend_fill(struct backend *backend)
{
	return check_file(backend) || check_available(backend) || allocate(backend) ? -1 : 0;
}

int backend_open(struct backend *backend, const struct backend_request *request)
{
	memset(backend, 0, sizeof(*backend));
	backend->kind = request->kind;
	backend->fd = backend->lock = -1;
	backend->size = request->size;
	backend->page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (open_kind(backend, request) || backend_fill(backend) ||
	    set_permissions(backend, request) || seal(backend)) {
		backend_close(backend);
		return -1;
	}
	return 0;
}

void backend_close(struct backend *backend)
{
	struct stat st;

	if (backend->fd >= 0) {
		/* The name is still that of our file, not of one that another made since. */
		if (backend->created && fstat(backend->fd, &st) == 0)
			entry_remove(backend->path, st.st_dev, st.st_ino);
		close(backend->fd);
	}
	if (backend->lock >= 0)
		close(backend->lock);
	backend->fd = backend->lock = -1;
	backend->created = false;
}
