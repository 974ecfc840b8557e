/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h - what ivsh_unikraft uses of Unikraft's header of this name: inline there.
 */
#ifndef STUB_UK_X86_CPU_H
#define STUB_UK_X86_CPU_H

#include <uk/arch/types.h>

static inline void cpuid(__u32 function, __u32 part, __u32 *eax, __u32 *ebx, __u32 *ecx, __u32 *edx)
{
	*eax = *ebx = *ecx = *edx = function + part;
}

static inline void rdmsr(unsigned int msr, __u32 *low, __u32 *high)
{
	*low = *high = msr;
}

static inline __u32 inl(__u16 port)
{
	return port;
}

static inline void outl(__u16 port, __u32 value)
{
	(void)port, (void)value;
}

#endif
