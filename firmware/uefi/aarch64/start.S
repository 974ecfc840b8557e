/* SPDX-License-Identifier: MIT */
/*
 * start.S - the entry of ivsh.efi: relocates the image, and calls efi_main().
 *
 * gnu-efi's crt0 is not used: it begins with PE headers of its own, for images that
 * `objcopy -O binary` makes, and what it calls is another function in 3.0.18 than before.
 */

/* x0: the image's handle, x1: EFI_SYSTEM_TABLE. The linker script puts it at 0x1000. */
	.section .text.start, "ax"
	.globl _start
	.hidden _DYNAMIC
_start:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	stp	x0, x1, [sp, #16]
	adrp	x0, _start
	sub	x0, x0, #0x1000
	adrp	x1, _DYNAMIC
	add	x1, x1, :lo12:_DYNAMIC
	bl	_relocate
	cbnz	x0, 1f
	ldp	x0, x1, [sp, #16]
	bl	efi_main
1:	ldp	x29, x30, [sp], #32
	ret

/* PE's relocations: one block, of page 0, with two entries that say nothing. */
	.section .reloc, "a"
	.long	0, 12
	.short	0, 0

	.section .note.GNU-stack, "", %progbits
