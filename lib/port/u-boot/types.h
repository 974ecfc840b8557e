/* SPDX-License-Identifier: MIT */
/*
 * types.h - what U-Boot's own <stdint.h>, which is empty, leaves out. U-Boot's Makefile includes it
 * before everything else.
 */
#include <limits.h>
#include <linux/stddef.h>
#include <linux/types.h>

#ifndef UINT32_C
#define UINT32_C(value) value##U
#endif
#ifndef UINT64_C
#define UINT64_C(value) value##ULL
#endif
