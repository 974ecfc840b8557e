/* SPDX-License-Identifier: MIT */
/*
 * start.S - from the loader's 32-bit entry to C in long mode.
 *
 * The loader (SeaBIOS's option ROM, qboot) finds the entry in an ELF note, as Xen's PVH guests
 * have it: xen/include/public/arch-x86/hvm/start_info.h and xen/include/public/elfnote.h.
 */
	.section .note.pvh, "a", @note
	.balign 4
	.long	4			/* bytes of the name */
	.long	8			/* bytes of the entry: QEMU reads a 64-bit one from ELF64 */
	.long	18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.quad	x86_entry

#define CR0_PE (1 << 0)			/* SDM 2.5 */
#define CR0_MP (1 << 1)
#define CR0_ET (1 << 4)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define CR4_OSFXSR (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)
#define PAGE_TABLE 0x003		/* present, writable */
#define PAGE_LARGE 0x083		/* present, writable, 2 MiB */

/*
 * Stage 1: 32-bit protected mode, as the loader left it.
 *
 * Should:  flat segments; paging off; ebx is the address of the start info.
 * Mustn't: lose ebx. Mustn't use anything that x86_check() has not seen.
 */
	.section .text.entry, "ax"
	.code32
	.globl	x86_entry
x86_entry:
	cli
	cld
	mov	$image_stack_end, %esp
	call	x86_check
	mov	$image_bss, %edi
	mov	$image_bss_end, %ecx
	sub	%edi, %ecx
	shr	$2, %ecx
	xor	%eax, %eax
	rep stosl

	/* The first GiB to itself, in 2 MiB pages: enough until x86_paging_init(). */
	movl	$(boot_pdpt + PAGE_TABLE), boot_pml4
	movl	$(boot_pd + PAGE_TABLE), boot_pdpt
	mov	$PAGE_LARGE, %eax
	xor	%ecx, %ecx
1:	mov	%eax, boot_pd(, %ecx, 8)
	add	$0x200000, %eax
	inc	%ecx
	cmp	$512, %ecx
	jne	1b

/*
 * Stage 2: long mode on, still 32-bit code.
 *
 * Should:  the boot tables map this code where it stands.
 * Mustn't: touch memory above 1 GiB.
 */
	mov	$(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
	mov	%eax, %cr4
	mov	$boot_pml4, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	mov	$(EFER_LME | EFER_NXE), %eax
	xor	%edx, %edx
	wrmsr
	mov	$(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $x86_entry64

/*
 * Stage 3: 64-bit code.
 *
 * Should:  SSE may be used, as newlib's code does; interrupts off, and no table for them yet.
 * Mustn't: fault before x86_trap_init(): the machine would reset.
 */
	.code64
x86_entry64:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$image_stack_end, %esp
	xor	%ebp, %ebp		/* the end of every backtrace */
	mov	%ebx, %edi
	call	x86_main
	ud2

/* Writable: the processor marks the TSS busy. x86_trap_init() writes its descriptor. */
	.section .data.gdt, "aw"
	.balign 8
	.globl	x86_gdt
x86_gdt:
	.quad	0
	.quad	0x00af9a000000ffff	/* 0x08: 64-bit code (SDM 5.2.1) */
	.quad	0x00cf92000000ffff	/* 0x10: data */
	.quad	0, 0			/* 0x18: the TSS */
gdt_end:

	.section .rodata.gdt, "a"
	.balign 8
gdt_pointer:
	.word	gdt_end - x86_gdt - 1
	.quad	x86_gdt

	.section .bss.boot, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip	4096
boot_pdpt:
	.skip	4096
boot_pd:
	.skip	4096

	.section .note.GNU-stack, "", @progbits
