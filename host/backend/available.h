/* SPDX-License-Identifier: MIT */
/*
 * available.h - whether the machine has the memory that is asked for, and what it lacks.
 */
#ifndef AVAILABLE_H
#define AVAILABLE_H

#include "backend/types.h"

/*
 * Whether the machine and our control groups have backend->size bytes, less the pages that
 * backend->fd has already. A memfd has no limit of its own: allocating more would end in the
 * out-of-memory killer, for us or for other processes. Returns 0, or -1 with backend->error.
 */
int available_check(struct backend *backend);

/*
 * Huge pages could not be allocated: say how many are missing. (had): bytes that backend->fd had
 * before; those that it got since are its own until the caller closes it. (error): errno of the
 * attempt. Returns -1 with backend->error.
 */
int available_explain(struct backend *backend, uint64_t had, int error);

#endif
