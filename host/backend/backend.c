/* SPDX-License-Identifier: MIT */
/*
 * backend.c - what all kinds of memory have in common: size, allocation, seals, the end.
 */
#include "backend/backend.h"
#include "backend/allocate.h"
#include "backend/entry.h"
#include "backend/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * With these seals no holder of the descriptor can shrink the memory, which would end the others by
 * SIGBUS, or grow it, or remove the seals. There is no write seal, since QEMU maps it writable.
 */
static int seal(struct backend *backend)
{
	if (backend->kind != BACKEND_MEMFD && backend->kind != BACKEND_HUGETLB)
		return 0;
	if (fcntl(backend->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return backend_fail(backend, "F_ADD_SEALS");
	return 0;
}

/*
 * Set the group before the mode: so the new mode never opens the object to the old group.
 */
static int set_permissions(struct backend *backend, const struct backend_request *request)
{
	bool is_old =
	    (backend->kind == BACKEND_SHM || backend->kind == BACKEND_FILE) && !backend->created;

	if (is_old)
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

int backend_open(struct backend *backend, const struct backend_request *request)
{
	memset(backend, 0, sizeof(*backend));
	backend->kind = request->kind;
	backend->fd = backend->lock = -1;
	backend->size = request->size;
	backend->resize = request->resize;
	backend->page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (open_kind(backend, request) || allocate_all(backend) ||
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
		/* Remove the name only if it is still that of our file. */
		if (backend->created && fstat(backend->fd, &st) == 0)
			entry_remove(backend->path, st.st_dev, st.st_ino);
		close(backend->fd);
	}
	if (backend->lock >= 0)
		close(backend->lock);
	backend->fd = backend->lock = -1;
	backend->created = false;
}
