/* SPDX-License-Identifier: MIT */
/*
 * listing.h - the command ls on a memory of a test.
 */
#ifndef TESTS_HOST_LISTING_H
#define TESTS_HOST_LISTING_H

#include <ivsh/mem.h>

#include <stdbool.h>

/* What ls prints of (mem), as text or as JSON, for the caller to free; NULL: it failed. */
char *listing(const struct ivsh_mem *mem, bool json);

#endif
