/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - one stub for each vector: 256 of them, 16 bytes apart.
 *
 * A stub makes every vector look alike, as struct x86_frame in trap.c: the processor pushes an
 * error code for some exceptions only (SDM 6.13), so the others push a 0.
 *
 * Should:  the processor has aligned the stack to 16 bytes and pushed 5 words (SDM 6.14.2); with
 *          the error code, the vector and 15 registers the call below is aligned again.
 * Mustn't: touch a vector register: they are not saved.
 */
#define PUSHES_ERROR(v) (v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)

	.text
	.balign 16
	.globl	x86_vectors
x86_vectors:
	.set	vector, 0
	.rept	256
	.balign 16
	.if	!(PUSHES_ERROR(vector))
	push	$0
	.endif
	push	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

	.balign 16
common:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rbp
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	call	x86_interrupt
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rbp
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
