/* SPDX-License-Identifier: MIT */
/*
 * limits.h - the limits that the library uses.
 */
#ifndef STUB_UBOOT_LIMITS_H
#define STUB_UBOOT_LIMITS_H

#define INT32_MAX 2147483647
#define UINT16_MAX 65535
#define UINT32_MAX 4294967295U
#define UINT64_MAX 18446744073709551615ULL
#define UINTPTR_MAX ((uintptr_t)-1)

#endif
