/* SPDX-License-Identifier: MIT */
/*
 * memtype.h - how the processor caches an address.
 */
#ifndef X86_MEMTYPE_H
#define X86_MEMTYPE_H

/*
 * "write-back" and the like: what page tables and MTRRs make of (address) together; NULL: not
 * mapped. A hypervisor may have decided otherwise. Page tables must be identity-mapped.
 */
const char *memtype(const void *address);

#endif
