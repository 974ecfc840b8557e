/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from QEMU's -kernel to C: PVH's 32-bit entry, then long mode, with the first 4 GiB
 * mapped to themselves. Interrupts stay off.
 */
	.section .note.pvh, "a", @note
	.long	4, 8, 18		/* XEN_ELFNOTE_PHYS32_ENTRY, of 8 bytes */
	.asciz	"Xen"
	.quad	entry

	.text
	.code32
	.globl	entry
entry:	mov	$stack_end, %esp
	movl	$pdpt + 3, pml4		/* present, writable */
	mov	$pages + 3, %eax
	xor	%ecx, %ecx
1:	mov	%eax, pdpt(, %ecx, 8)
	add	$4096, %eax
	inc	%ecx
	cmp	$4, %ecx
	jne	1b
	mov	$0x83, %eax		/* present, writable, 2 MiB */
	xor	%ecx, %ecx
2:	mov	%eax, pages(, %ecx, 8)
	add	$0x200000, %eax
	inc	%ecx
	cmp	$2048, %ecx
	jne	2b
	mov	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER: LME */
	mov	$0x100, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80010001, %eax	/* PG, WP, PE */
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $long_mode

	.code64
long_mode:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	call	kernel_main
3:	hlt
	jmp	3b

	.section .rodata
	.balign	8
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.quad	gdt

	.bss
	.balign	4096
pml4:	.skip	4096
pdpt:	.skip	4096
pages:	.skip	4 * 4096
	.skip	65536
stack_end:
	.section .note.GNU-stack, "", @progbits
