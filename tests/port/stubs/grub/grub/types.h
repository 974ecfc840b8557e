/* SPDX-License-Identifier: MIT */
/*
 * types.h - the types of GRUB that lib/port/grub uses.
 */
#ifndef STUB_GRUB_TYPES_H
#define STUB_GRUB_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t grub_uint32_t;
typedef uint64_t grub_uint64_t;

#endif
