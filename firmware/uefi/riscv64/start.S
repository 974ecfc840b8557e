/* SPDX-License-Identifier: MIT */
/*
 * start.S - the entry of ivsh.efi: relocates the image, and calls efi_main(). As aarch64's.
 */

/* a0: the image's handle, a1: EFI_SYSTEM_TABLE. The linker script puts it at 0x1000. */
	.section .text.start, "ax"
	.globl	_start
	.hidden	_DYNAMIC
_start:
	addi	sp, sp, -32
	sd	ra, 0(sp)
	sd	a0, 8(sp)
	sd	a1, 16(sp)
	lla	a0, _start
	li	t0, 0x1000
	sub	a0, a0, t0
	lla	a1, _DYNAMIC
	call	_relocate
	bnez	a0, 1f
	ld	a0, 8(sp)
	ld	a1, 16(sp)
	call	efi_main
1:	ld	ra, 0(sp)
	addi	sp, sp, 32
	ret

/* PE's relocations: one block, of page 0, with two entries that say nothing. */
	.section .reloc, "a"
	.long	0, 12
	.short	0, 0

	.section .note.GNU-stack, "", %progbits
