/* SPDX-License-Identifier: MIT */
/*
 * check.S - report the features that the processor lacks, before any of them is used.
 *
 * A processor without long mode or no-execute pages would fault at the mode switch, with no
 * interrupt table yet: the machine would reset without a word. So this code first checks every
 * feature that this folder, newlib and the compiler's code for x86-64 use.
 */
#define COM1 0x3f8			/* as in com1.c */
#define LINE_CONTROL (COM1 + 3)
#define LINE_STATUS (COM1 + 5)
#define SCRATCH (COM1 + 7)
#define TRANSMITTER_EMPTY 0x20
#define STATUS_READS 1000000		/* before a byte is given up */
#define DEBUG_CONSOLE 0xe9
#define DEBUG_EXIT 0xf4
#define EXIT_PROCESSOR 101		/* ARCH_EXIT_PROCESSOR in arch.h */
#define SCREEN 0xb8000			/* text mode: a character and its colours */
#define EFLAGS_ID (1 << 21)		/* SDM 2.3: can be changed where there is CPUID */
#define FEATURE_BYTES 20

/*
 * Should:  32-bit protected mode, flat segments, interrupts off, a stack, the image in place.
 * Mustn't: return on a processor that lacks something. Mustn't change ebx or touch .bss.
 */
	.section .text.entry, "ax"
	.code32
	.globl	x86_check
x86_check:
	push	%ebx
	xor	%ebp, %ebp		/* 0: nothing printed yet; then a position on the screen */
	pushf
	pop	%eax
	mov	%eax, %ecx
	xor	$EFLAGS_ID, %eax
	push	%eax
	popf
	pushf
	pop	%eax
	xor	%ecx, %eax
	mov	$no_cpuid, %esi
	test	$EFLAGS_ID, %eax
	jz	lacks_all
	mov	$features, %edi

	/* One feature: a leaf of CPUID that may be beyond the last one, and a bit of its EDX. */
1:	mov	(%edi), %eax
	and	$0x80000000, %eax
	cpuid
	cmp	(%edi), %eax
	mov	$0, %edx
	jb	2f
	mov	(%edi), %eax
	xor	%ecx, %ecx
	cpuid
2:	lea	5(%edi), %esi
	movzbl	4(%edi), %ecx
	bt	%ecx, %edx
	jc	3f
	call	lack
3:	add	$FEATURE_BYTES, %edi
	cmp	$features_end, %edi
	jb	1b
	test	%ebp, %ebp
	jnz	lacks_some
	pop	%ebx
	ret

lacks_all:
	call	lack
lacks_some:
	mov	$advice, %esi
	call	print
	mov	$EXIT_PROCESSOR, %al
	outb	%al, $DEBUG_EXIT
4:	cli
	hlt
	jmp	4b

/* Print the name of a missing feature, at esi. Keeps edi. */
lack:
	push	%esi
	mov	$comma, %esi
	test	%ebp, %ebp
	jnz	1f
	mov	$LINE_CONTROL, %edx
	mov	$0x03, %al		/* 8 bits, no parity, 1 stop bit */
	outb	%al, %dx
	mov	$SCREEN, %ebp
	mov	$lacking, %esi
1:	call	print
	pop	%esi
	/* Falls through. */

/*
 * Print the text at esi: on the first serial port, or without one on QEMU's debug console and on
 * the screen, from ebp on.
 */
print:
	lodsb
	test	%al, %al
	jz	4f
	mov	%eax, %ebx
	mov	$SCRATCH, %edx
	mov	$0x5a, %al
	outb	%al, %dx
	inb	%dx, %al
	cmp	$0x5a, %al
	jne	3f
	mov	$STATUS_READS, %ecx
	mov	$LINE_STATUS, %edx
1:	inb	%dx, %al
	test	$TRANSMITTER_EMPTY, %al
	jnz	2f
	dec	%ecx
	jnz	1b
2:	mov	$COM1, %edx
	mov	%ebx, %eax
	outb	%al, %dx
	jmp	print
3:	mov	%ebx, %eax
	outb	%al, $DEBUG_CONSOLE
	mov	$0x07, %ah		/* light grey on black */
	mov	%ax, (%ebp)
	add	$2, %ebp
	jmp	print
4:	ret

	.macro	feature leaf, bit, name
9:	.long	\leaf
	.byte	\bit
	.asciz	"\name"
	.skip	FEATURE_BYTES - (. - 9b)
	.endm

	.section .rodata.check, "a"
	.balign 4
features:				/* SDM volume 2, CPUID */
	feature	1, 0, "FPU"
	feature	1, 4, "TSC"
	feature	1, 5, "MSR"
	feature	1, 6, "PAE"
	feature	1, 8, "CX8"
	feature	1, 9, "APIC"
	feature	1, 15, "CMOV"
	feature	1, 24, "FXSR"
	feature	1, 25, "SSE"
	feature	1, 26, "SSE2"
	feature	0x80000001, 20, "NX"
	feature	0x80000001, 29, "long mode"
features_end:
no_cpuid:
	.asciz	"CPUID"
lacking:
	.asciz	"start: the processor lacks "
comma:
	.asciz	", "
advice:
	.asciz	": choose another with QEMU's -cpu\r\n"

	.section .note.GNU-stack, "", @progbits
