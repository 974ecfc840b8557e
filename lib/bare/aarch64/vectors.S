/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - the 16 exception vectors, 128 bytes apart (ARM D1.3.4).
 *
 * The first four are taken from the program, which runs on SP_EL0; the second four from an
 * exception handler, on SP_EL1. The others, from EL0, are never taken. Each saves a struct
 * a64_frame (trap.c) on SP_EL1's stack, and calls a64_exception().
 *
 * Mustn't: touch a vector register: they are not saved.
 */
#define FRAME 288

	/* From the program: SP_EL1 is at the start of its stack. */
	.macro	from_program kind
	.balign	128
	sub	sp, sp, #FRAME
	stp	x0, x1, [sp]
	mrs	x1, sp_el0
	str	x1, [sp, #248]
	mov	x0, #\kind
	b	common
	.endm

	/*
	 * From a handler: it may have left its stack, or used up its room. Then the frame goes to
	 * the stack's start, over frames that nobody returns to.
	 */
	.macro	from_handler kind
	.balign	128
	msr	tpidr_el1, x0
	msr	tpidr_el0, x1
	mov	x0, sp
	msr	tpidrro_el0, x0
	adrp	x1, image_trap_stack + FRAME
	add	x1, x1, :lo12:image_trap_stack + FRAME
	cmp	x0, x1
	adrp	x1, image_trap_stack_end
	ccmp	x0, x1, #2, hs		/* #2: if it was lower, as if it was higher now */
	b.ls	1f
	mov	sp, x1
1:	sub	sp, sp, #FRAME
	str	x0, [sp, #248]
	mrs	x0, tpidr_el1
	mrs	x1, tpidr_el0
	stp	x0, x1, [sp]
	mov	x0, #\kind
	b	common
	.endm

	.text
	.balign	2048
	.globl	a64_vectors
a64_vectors:
	from_program 0			/* synchronous */
	from_program 1			/* IRQ */
	from_program 2			/* FIQ */
	from_program 3			/* SError */
	from_handler 4
	from_handler 5
	from_handler 6
	from_handler 7
	from_handler 8
	from_handler 9
	from_handler 10
	from_handler 11
	from_handler 12
	from_handler 13
	from_handler 14
	from_handler 15

	.balign	128
common:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	str	x30, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #256]
	mrs	x1, esr_el1
	mrs	x2, far_el1
	stp	x1, x2, [sp, #272]
	mov	x1, sp
	bl	a64_exception
	ldp	x1, x2, [sp, #256]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x0, x1, [sp]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldr	x30, [sp, #240]
	add	sp, sp, #FRAME
	eret

	.section .note.GNU-stack, "", @progbits
