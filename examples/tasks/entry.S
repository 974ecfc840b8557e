/* SPDX-License-Identifier: MIT */
/*
 * entry.S - interrupts: save the task that was interrupted, and go on with the task that the
 * handler answers. A switch of tasks is nothing else.
 */
	.macro	interrupt name, handler
	.globl	\name
\name:
	.irp	register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	push	%\register
	.endr
	mov	%rsp, %rdi		/* aligned to 16: the processor aligned it and pushed 40 */
	call	\handler
	mov	%rax, %rsp
	.irp	register, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
	pop	%\register
	.endr
	iretq
	.endm

	.text
	interrupt tick_entry, tick
	interrupt doorbell_entry, doorbell
	interrupt yield_entry, schedule
	.globl	spurious_entry
spurious_entry:
	iretq
	.section .note.GNU-stack, "", @progbits
