/* SPDX-License-Identifier: MIT */
/*
 * call.S - calls of what is below the program: semihosting, and PSCI.
 *
 * The instruction of each is undefined on a machine that does not answer it. The exception comes
 * with this address, and trap.c goes on behind it with x0 = -1.
 */
	.text

/* int64_t a64_semihosting(uint64_t operation, const void *parameters) */
	.globl	a64_semihosting, a64_semihosting_call
a64_semihosting:
a64_semihosting_call:
	hlt	#0xf000			/* Semihosting for AArch32 and AArch64, 3.2 */
	ret

/* int64_t a64_hvc(uint64_t function): SMC Calling Convention (DEN0028), 2.6 */
	.globl	a64_hvc, a64_hvc_call
a64_hvc:
a64_hvc_call:
	hvc	#0
	ret

/* int64_t a64_smc(uint64_t function) */
	.globl	a64_smc, a64_smc_call
a64_smc:
a64_smc_call:
	smc	#0
	ret

	.section .note.GNU-stack, "", @progbits
