/* SPDX-License-Identifier: MIT */
/*
 * types.h - the types of U-Boot.
 */
#ifndef STUB_UBOOT_LINUX_TYPES_H
#define STUB_UBOOT_LINUX_TYPES_H

#include <stdbool.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef u8 uint8_t;
typedef unsigned short uint16_t;
typedef u32 uint32_t;
typedef u64 uint64_t;
typedef signed int int32_t;
typedef signed long long int64_t;
typedef unsigned long uintptr_t;
typedef __SIZE_TYPE__ size_t;
typedef unsigned long phys_addr_t;

#endif
