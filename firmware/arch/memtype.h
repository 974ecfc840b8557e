/* SPDX-License-Identifier: MIT */
/*
 * memtype.h - how the processor caches an address. Each architecture has its own: firmware/x86_64,
 * firmware/aarch64, firmware/riscv64.
 */
#ifndef ARCH_MEMTYPE_H
#define ARCH_MEMTYPE_H

/*
 * "write-back" and the like: what the processor's tables make of (address); NULL: not mapped. A
 * hypervisor may have decided otherwise. Page tables must be identity-mapped.
 */
const char *memtype(const void *address);

/*
 * The same; NULL also where the tables do not decide: x86_64's page tables and MTRRs differ, and
 * the machine is a virtual one, as hypervisors mostly ignore a guest's MTRRs; or riscv64's PMAs
 * decide.
 */
const char *memtype_sure(const void *address);

#endif
