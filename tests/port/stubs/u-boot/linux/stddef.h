/* SPDX-License-Identifier: MIT */
/*
 * stddef.h - NULL and offsetof.
 */
#ifndef STUB_UBOOT_LINUX_STDDEF_H
#define STUB_UBOOT_LINUX_STDDEF_H

#include <linux/types.h>

#undef NULL
#define NULL ((void *)0)
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)

#endif
