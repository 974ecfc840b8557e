/* SPDX-License-Identifier: MIT */
/*
 * kinds.h - how each kind of memory gets its file descriptor.
 */
#ifndef KINDS_H
#define KINDS_H

#include "backend/backend.h"

/*
 * Each sets fd, path and created of (backend), and answers 0, or -1 with backend->error. The
 * descriptor's size is whatever it is: backend_open() looks and allocates.
 */
int kinds_memfd(struct backend *backend);
int kinds_hugetlb(struct backend *backend, uint64_t page);
int kinds_shm(struct backend *backend, const struct backend_request *request);
int kinds_file(struct backend *backend, const struct backend_request *request);
int kinds_huge(struct backend *backend, const char *directory);

/* See that fd fits what is asked for, and allocate all of it. 0, or -1 with backend->error. */
int backend_fill(struct backend *backend);

/* Note (what) and errno as the error of (backend), about its path. Answers -1. */
int backend_fail(struct backend *backend, const char *what);

#endif
