/* SPDX-License-Identifier: MIT */
/*
 * start.S - from the reset vector in M-mode, or from OpenSBI in S-mode, to C in S-mode.
 *
 * Both hand over the processor's number in a0 and the address of the device tree in a1: QEMU,
 * hw/riscv/boot.c, and the Linux kernel's "Boot Image Header in RISC-V Linux".
 */
#include "bare/riscv64/cpu.h"

#define BOOT_HART 0
#define MISA_NEEDED ((1 << ('D' - 'A')) | (1 << ('S' - 'A'))) /* Privileged 3.1.1 */
#define MSTATUS_MPP 0x1800
#define MSTATUS_MPP_S 0x0800
#define MSTATUS_MPIE 0x80
#define DELEGATED 0x222			/* S-mode's software, timer and external interrupt */
#define EXCEPTIONS 0xb1ff		/* all but calls from S-mode and from M-mode */
#define COUNTERS 0x7			/* cycle, time, instret */
#define MSTATEEN0 0x30c			/* Smstateen: what S-mode may use */
#define MENVCFG 0x30a
#define MENVCFG_STCE 63
#define PMP_NAPOT_RWX 0x1f

	/* QEMU 7.2 enters a kernel at its first byte, whatever its ELF header has. */
	.section .text.entry, "ax"
	.globl	rv_entry
rv_entry:
	j	image_entry		/* linker/riscv64.ld */

/*
 * Stage 1: M-mode, from the reset vector. Every processor of the machine comes here.
 *
 * Should:  memory is as QEMU loaded it; paging is off.
 * Mustn't: lose a0 and a1. Mustn't use a register that this processor may not have, but under
 *          the handler that skips it.
 */
	.text
	.globl	rv_machine_entry
rv_machine_entry:
	li	t0, BOOT_HART
	bne	a0, t0, park
	csrw	mie, zero
	csrr	t0, misa
	li	t1, MISA_NEEDED
	and	t0, t0, t1
	bne	t0, t1, rv_unfit

	la	t0, skip
	csrw	mtvec, t0
	/* S-mode may use all of the address space, and the counters. */
	li	t0, -1
	csrw	pmpaddr0, t0
	li	t0, PMP_NAPOT_RWX
	csrw	pmpcfg0, t0
	li	t0, COUNTERS
	csrw	mcounteren, t0
	/* The interrupt file and its registers, where that has to be allowed */
	li	t0, -1
	csrw	MSTATEEN0, t0
	/* stimecmp, where there is one */
	li	t0, 1
	slli	t0, t0, MENVCFG_STCE
	csrs	MENVCFG, t0

	li	t0, EXCEPTIONS
	csrw	medeleg, t0
	li	t0, DELEGATED
	csrw	mideleg, t0
	la	t0, rv_machine_trap
	csrw	mtvec, t0
	la	t0, rv_machine_area
	csrw	mscratch, t0
	csrw	satp, zero
	li	t0, MSTATUS_MPP | MSTATUS_MPIE
	csrc	mstatus, t0
	li	t0, MSTATUS_MPP_S
	csrs	mstatus, t0
	la	t0, supervisor
	csrw	mepc, t0
	li	s0, 0
	mret

	/* The next instruction: those that may be skipped have 4 bytes. */
	.balign 4
skip:
	csrr	t1, mepc
	addi	t1, t1, 4
	csrw	mepc, t1
	mret

	/* No interrupt is enabled, so nothing ends the wait. */
park:
	csrw	mie, zero
1:	wfi
	j	1b

/*
 * Stage 2: S-mode, from stage 1 or from an SBI firmware, which keeps the other processors.
 *
 * Should:  paging and interrupts are off.
 * Mustn't: raise an exception before rv_trap_init(): nobody would say so.
 */
	.globl	rv_supervisor_entry
rv_supervisor_entry:
	li	s0, 1
supervisor:
	csrw	sie, zero
	csrci	sstatus, RV_SSTATUS_SIE
	csrw	satp, zero
	/* Firmware starts it also where the processor lacks D: then one of these is illegal. */
	la	t0, rv_unfit
	csrrw	t0, stvec, t0
	li	t1, RV_SSTATUS_FS
	csrs	sstatus, t1
	fscsr	zero
	fmv.d.x	ft0, zero
	csrw	stvec, t0
	la	sp, image_stack_end
	la	t0, image_bss
	la	t1, image_bss_end
1:	sd	zero, 0(t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	la	t0, rv_hart
	sd	a0, 0(t0)
	la	t0, rv_has_firmware
	sw	s0, 0(t0)
	mv	a0, a1
	li	s0, 0			/* the end of every backtrace */
	li	ra, 0
	call	rv_main
	unimp

	.section .note.GNU-stack, "", @progbits
