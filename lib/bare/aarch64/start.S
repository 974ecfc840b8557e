/* SPDX-License-Identifier: MIT */
/*
 * start.S - from QEMU's entry, at EL1 or EL2, to C at EL1.
 *
 * QEMU loads the ELF image, puts the device tree at the start of RAM, and starts the first
 * processor at the entry, with the MMU off (QEMU, hw/arm/boot.c). The others are off until PSCI
 * starts them. The program runs at EL1 everywhere, so there is one set of vectors, tables and
 * timer.
 *
 * "ARM" is the Arm Architecture Reference Manual for A-profile architecture (DDI 0487).
 */
#define MPIDR_AFFINITY 0xff00ffffff	/* ARM D17.2.101 */
#define SCTLR_OFF 0x30d00800		/* the bits that are RES1: MMU, caches and checks off */
#define SPSR_EL1H 0x3c5			/* EL1 with SP_EL1, all interrupts masked */
#define CPACR_FP (3 << 20)		/* no trap of floating point */
#define HCR_RW (1 << 31)		/* EL1 is AArch64 */
#define CPTR_EL2_NONE 0x33ff		/* the bits that are RES1: no trap of floating point */
#define CNTHCTL_EL1 3			/* EL1 may use the physical timer and counter */
#define SCR_EL1 0x5b1			/* RW, HCE, SMD, NS, and the bits that are RES1 */
#define ICC_SRE_ALL 0xf			/* GICv3's registers, and EL1 may use them */

#define icc_sre_el2 s3_4_c12_c9_5

/*
 * Stage 1: the exception level.
 *
 * Should:  the MMU off, at EL1, EL2 or EL3; x0 to x30 are anything.
 * Mustn't: use a stack, or the program's memory. Mustn't lose x20, the level of the entry.
 */
	.section .text.entry, "ax"
	.globl	a64_entry
a64_entry:
	msr	daifset, #0xf
	mrs	x0, mpidr_el1
	ldr	x1, =MPIDR_AFFINITY
	tst	x0, x1
	b.ne	park
	mrs	x20, currentel
	lsr	x20, x20, #2
	cmp	x20, #2
	b.eq	at_el2
	b.lo	at_el1

	/* EL3: C reports it, at EL1 as everything else. */
	mov	x0, #SCR_EL1
	msr	scr_el3, x0
	msr	cptr_el3, xzr
	mrs	x0, id_aa64pfr0_el1
	tst	x0, #0xf00		/* is there an EL2? */
	b.eq	1f
	mov	x0, #HCR_RW
	msr	hcr_el2, x0
1:	ldr	x0, =SCTLR_OFF
	msr	sctlr_el1, x0
	adr	x0, at_el1
	msr	elr_el3, x0
	mov	x0, #SPSR_EL1H
	msr	spsr_el3, x0
	eret

at_el2:
	mov	x0, #HCR_RW
	msr	hcr_el2, x0
	mov	x0, #CPTR_EL2_NONE
	msr	cptr_el2, x0
	msr	hstr_el2, xzr
	mov	x0, #CNTHCTL_EL1
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr	/* the virtual counter is the physical one */
	msr	vttbr_el2, xzr
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	mrs	x0, id_aa64pfr0_el1
	tst	x0, #(0xf << 24)	/* has the processor GICv3's registers? */
	b.eq	2f
	mov	x0, #ICC_SRE_ALL
	msr	icc_sre_el2, x0
	isb
2:	ldr	x0, =SCTLR_OFF
	msr	sctlr_el1, x0
	adr	x0, at_el1
	msr	elr_el2, x0
	mov	x0, #SPSR_EL1H
	msr	spsr_el2, x0
	eret

/*
 * Stage 2: EL1, the MMU off.
 *
 * Should:  the image is in RAM, also where a loader's writes are still in a cache.
 * Mustn't: make an unaligned access, as all memory is device memory until a64_paging_init().
 */
at_el1:
	ldr	x0, =SCTLR_OFF
	msr	sctlr_el1, x0
	mov	x0, #CPACR_FP
	msr	cpacr_el1, x0
	adrp	x0, a64_vectors
	add	x0, x0, :lo12:a64_vectors
	msr	vbar_el1, x0
	isb
	adrp	x0, image_text
	adrp	x1, image_end
	bl	a64_clean
	adrp	x0, image_bss
	add	x0, x0, :lo12:image_bss
	adrp	x1, image_bss_end
3:	cmp	x0, x1
	b.hs	4f
	str	xzr, [x0], #8
	b	3b

	/*
	 * The program runs on SP_EL0, and exceptions on SP_EL1: so they have a stack of their own,
	 * and can report that the program's is full.
	 */
4:	adrp	x0, image_trap_stack_end
	mov	sp, x0
	msr	spsel, #0
	adrp	x0, image_stack_end
	mov	sp, x0
	msr	daifclr, #4		/* an SError is reported when it comes */
	mov	x29, xzr		/* the end of every backtrace */
	mov	x30, xzr
	mov	x0, x20
	bl	a64_main

park:
	msr	daifset, #0xf
5:	wfi
	b	5b

/*
 * void a64_clean(const void *start, const void *end): write the lines of the data caches back to
 * RAM, and leave none there. Uses no stack.
 */
	.globl	a64_clean
a64_clean:
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4		/* DminLine: words of the smallest line, as a power of 2 */
	mov	x3, #4
	lsl	x2, x3, x2
	sub	x3, x2, #1
	bic	x0, x0, x3
6:	cmp	x0, x1
	b.hs	7f
	dc	civac, x0
	add	x0, x0, x2
	b	6b
7:	dsb	sy
	ret

	.section .note.GNU-stack, "", @progbits
