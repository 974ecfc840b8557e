/* SPDX-License-Identifier: MIT */
/*
 * order.h - stores to memory before a store to a register of the device.
 *
 * C11 orders memory alone: what its fences do for registers is each processor's own affair. So this
 * is what Linux' writel() has before its store (arch/arm64 and arch/riscv, include/asm/io.h).
 */
#ifndef IVSH_DEVICE_ORDER_H
#define IVSH_DEVICE_ORDER_H

/*
 * Between the caller's stores to shared memory and the store to the doorbell register. Without it a
 * weak memory order may send the notification first, and the peer that wakes finds no message.
 *
 * Arm: Device memory is outer shareable (Arm ARM, "Device memory"), and dmb ish, the compiler's,
 * promises nothing there. RISC-V: the compiler's fence rw,w is for main memory; registers are
 * output, o (Unprivileged ISA, "Memory Ordering Instructions"). x86_64: stores of both kinds are in
 * order.
 */
static inline void order_registers(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" : : : "memory");
#elif defined(__arm__) && __ARM_ARCH >= 7
	__asm__ volatile("dmb sy" : : : "memory"); /* an M profile has no other */
#elif defined(__riscv)
	__asm__ volatile("fence w,o" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

#endif
