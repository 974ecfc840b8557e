/* SPDX-License-Identifier: MIT */
/*
 * uk/arch/paging.h - what ivsh_unikraft uses of Unikraft's header of this name.
 */
#ifndef STUB_UK_ARCH_PAGING_H
#define STUB_UK_ARCH_PAGING_H

#define PAGE_ATTR_PROT_RW 0x03

#endif
