/* SPDX-License-Identifier: MIT */
/*
 * uk/arch/types.h - Unikraft's names of types.
 */
#ifndef STUB_UK_ARCH_TYPES_H
#define STUB_UK_ARCH_TYPES_H

typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long __sz;
typedef unsigned long __vaddr_t;
typedef unsigned long __paddr_t;
typedef signed long __snsec;
typedef unsigned long __nsec;

#define __NULL ((void *)0)

#endif
