/* SPDX-License-Identifier: MIT */
/*
 * allocate.h - a file becomes memory: its type, its size, and every byte allocated.
 */
#ifndef ALLOCATE_H
#define ALLOCATE_H

#include "backend/types.h"

/*
 * Check backend->fd against backend->size, which the file has or gets, and allocate all bytes. Sets
 * is_huge and page. Returns 0, or -1 with backend->error.
 */
int allocate_all(struct backend *backend);

#endif
