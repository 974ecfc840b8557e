/* SPDX-License-Identifier: MIT */
/*
 * stdlib.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_STDLIB_H
#define STUB_NUTTX_STDLIB_H

#include <stddef.h>

void arc4random_buf(void *bytes, size_t nbytes);

#endif
