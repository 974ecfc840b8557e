/* SPDX-License-Identifier: MIT */
/*
 * errno.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_ERRNO_H
#define STUB_NUTTX_ERRNO_H

#define EIO 5
#define ENODEV 19

#endif
