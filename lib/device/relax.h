/* SPDX-License-Identifier: MIT */
/*
 * relax.h - what stands between two polls of a spinning loop.
 */
#ifndef IVSH_DEVICE_RELAX_H
#define IVSH_DEVICE_RELAX_H

/*
 * The processor's hint that this loop waits for another one: it saves power, and on x86 the time in
 * which a loop that ends throws away the polls begun too early (Intel SDM, "PAUSE"). The compiler
 * keeps no memory in registers over it. RISC-V's is encoded as a fence that orders nothing, so a
 * processor without Zihintpause executes it, too.
 */
static inline void relax_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("pause" : : : "memory");
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
	__asm__ volatile("yield" : : : "memory");
#elif defined(__riscv)
	__asm__ volatile(".4byte 0x0100000f" : : : "memory");
#else
	__asm__ volatile("" : : : "memory");
#endif
}

#endif
