/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - the one entry of all interrupts and exceptions, and the trial of an instruction.
 *
 * It runs on a stack of its own, so that a full stack can be reported. An interrupt's handler is C
 * code that may use every register that a function may: those are saved, floating point too. An
 * exception is never returned from: all integer registers are stored for its report.
 *
 * Should:  sscratch is the end of the trap stack.
 * Mustn't: move sscratch into what this entry uses: an exception of the handler comes here, too.
 */
#include "bare/riscv64/cpu.h"

#define INTS 256			/* struct rv_frame of trap.c: x1 to x31, and a reserve */
#define FRAME (INTS + 8 * 20 + 16)	/* with ft0 to ft11, fa0 to fa7 and fcsr */

	.macro	ints op
	\op	x1, 8(sp)
	.irp	n, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	\op	x\n, 8 * \n(sp)
	.endr
	.endm

	.macro	floats op
	.set	place, INTS
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	\op	f\n, place(sp)
	.set	place, place + 8
	.endr
	.endm

	.text
	.balign 4
	.globl	rv_vector
rv_vector:
	csrrw	sp, sscratch, sp
	addi	sp, sp, -FRAME
	ints	sd
	csrrw	t0, sscratch, sp
	sd	t0, 16(sp)
	csrr	t0, scause
	bgez	t0, exception

	floats	fsd
	frcsr	t0
	sd	t0, INTS + 160(sp)
	csrr	a0, scause
	call	rv_interrupt
	ld	t0, INTS + 160(sp)
	fscsr	t0
	floats	fld
	addi	t0, sp, FRAME
	csrw	sscratch, t0
	ints	ld
	ld	sp, 16(sp)
	sret

exception:
	.irp	n, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	sd	x\n, 8 * \n(sp)
	.endr
	mv	a0, sp
	call	rv_exception
	unimp

/*
 * bool rv_has_stimecmp(void): whether stimecmp can be read. Interrupts are off: meanwhile the
 * exception's vector is right here.
 */
	.balign 4
	.globl	rv_has_stimecmp
rv_has_stimecmp:
	la	t0, 1f
	csrrw	t0, stvec, t0
	li	a0, 0
	csrr	t1, RV_CSR_STIMECMP
	li	a0, 1
	.balign 4
1:	csrw	stvec, t0
	ret

	.section .note.GNU-stack, "", @progbits
