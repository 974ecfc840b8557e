/* SPDX-License-Identifier: MIT */
/*
 * mmode.S - what is left in M-mode when there is no firmware: the timer.
 *
 * A processor without stimecmp (the Sstc extension) compares the time in a register of the
 * interrupt controller, whose interrupt arrives in M-mode. So S-mode asks for its timer as it asks
 * firmware, by the SBI's set_timer, and the interrupt is passed on.
 */
#include "bare/riscv64/cpu.h"

#define CALL_FROM_S 9
#define MIE_TIMER 0x80
#define MIP_TIMER_S 0x20
#define SBI_ERR_NOT_SUPPORTED -2

#define TEST_DEVICE 0x100000		/* QEMU, hw/riscv/virt.c and hw/misc/sifive_test.c */
#define TEST_FAIL 0x3333
#define UART 0x10000000
#define EXIT_TRAP 100			/* bare/arch.h: ARCH_EXIT_TRAP, */
#define EXIT_PROCESSOR 101		/* ARCH_EXIT_PROCESSOR */

	.text
	.balign 4
	.globl	rv_machine_trap
rv_machine_trap:
	csrrw	t0, mscratch, t0
	sd	t1, 0(t0)
	sd	t2, 8(t0)
	csrr	t1, mcause
	bltz	t1, interrupt
	li	t2, CALL_FROM_S
	bne	t1, t2, unexpected

	csrr	t1, mepc
	addi	t1, t1, 4
	csrw	mepc, t1
	li	t1, RV_SBI_TIME
	bne	a7, t1, no_such_call
	la	t1, rv_mtimecmp
	ld	t1, 0(t1)
	beqz	t1, no_such_call
	sd	a0, 0(t1)
	li	t1, MIP_TIMER_S
	csrc	mip, t1
	li	t1, MIE_TIMER
	csrs	mie, t1
	li	a0, 0
	j	done
no_such_call:
	li	a0, SBI_ERR_NOT_SUPPORTED
	j	done

	/* Only the timer's is enabled. */
interrupt:
	li	t1, MIE_TIMER
	csrc	mie, t1
	li	t1, MIP_TIMER_S
	csrs	mip, t1
done:
	ld	t2, 8(t0)
	ld	t1, 0(t0)
	csrrw	t0, mscratch, t0
	mret

/* All exceptions of S-mode are S-mode's, so this is one of the code above. */
unexpected:
	la	a0, unexpected_text
	li	a1, EXIT_TRAP
	j	end

	/* From M-mode, or as the vector of S-mode's exceptions. */
	.balign 4
	.globl	rv_unfit
rv_unfit:
	la	a0, unfit_text
	li	a1, EXIT_PROCESSOR

/* Print a0 and end the machine with a1: without a device tree, by the addresses of virt. */
end:
	li	t0, UART
1:	lbu	t1, 0(a0)
	beqz	t1, 2f
	sb	t1, 0(t0)
	addi	a0, a0, 1
	j	1b
2:	li	t0, TEST_DEVICE
	slli	a1, a1, 16
	li	t1, TEST_FAIL
	or	a1, a1, t1
	sw	a1, 0(t0)
3:	wfi
	j	3b

	.section .rodata.machine, "a"
unfit_text:
	.asciz	"start: this processor has no S-mode or no D extension: QEMU's -cpu rv64 has both\n"
unexpected_text:
	.asciz	"start: an exception in M-mode\n"

	.section .bss.machine, "aw", @nobits
	.balign 8
	.globl	rv_machine_area
rv_machine_area:
	.skip	16
	.globl	rv_mtimecmp
rv_mtimecmp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
