/* SPDX-License-Identifier: MIT */
/*
 * kinds.h - how each kind of memory gets its file descriptor.
 */
#ifndef KINDS_H
#define KINDS_H

#include "backend/types.h"

/*
 * Each sets fd, path and created of (backend). The file may have any size: backend_open() checks
 * that, and allocates. 0, or -1 with backend->error.
 */
int kinds_memfd(struct backend *backend);
int kinds_hugetlb(struct backend *backend, uint64_t page);
int kinds_shm(struct backend *backend, const struct backend_request *request);
int kinds_file(struct backend *backend, const struct backend_request *request);
int kinds_huge(struct backend *backend, const char *directory);

#endif
