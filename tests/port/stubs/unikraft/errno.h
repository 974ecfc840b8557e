/* SPDX-License-Identifier: MIT */
/*
 * errno.h - what ivsh_unikraft uses of Unikraft's C library.
 */
#ifndef STUB_ERRNO_H
#define STUB_ERRNO_H

#define EEXIST 17

#endif
