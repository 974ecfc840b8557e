/* SPDX-License-Identifier: MIT */
/*
 * types.c - the one line that says what is wrong with the memory.
 */
#include "backend/types.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int backend_fail(struct backend *backend, const char *what)
{
	snprintf(backend->error, sizeof(backend->error), "%s: %s: %s", backend->path, what,
	    strerror(errno));
	return -1;
}
