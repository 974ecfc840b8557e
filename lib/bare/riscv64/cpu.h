/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - instructions and registers of the processor that C cannot express.
 *
 * "Privileged" is the RISC-V Instruction Set Manual, volume II, "AIA" the RISC-V Advanced Interrupt
 * Architecture. Everything runs in S-mode. Registers that an old assembler does not know by name
 * are numbers.
 */
#ifndef RV_CPU_H
#define RV_CPU_H

#define RV_SSTATUS_SIE 0x2   /* interrupts are taken */
#define RV_SSTATUS_FS 0x6000 /* floating point is on */

/* Bits of sie and sip (Privileged 4.1.3): the timer's interrupt, and the external one. */
#define RV_INTERRUPT_TIMER 5
#define RV_INTERRUPT_EXTERNAL 9

#define RV_SATP_SV39 8 /* in bits 63:60 (Privileged 4.1.11) */
#define RV_SATP_SV48 9

#define RV_CSR_STIMECMP 0x14d /* Sstc */
#define RV_CSR_SISELECT 0x150 /* AIA 2.2, with the two below */
#define RV_CSR_SIREG 0x151
#define RV_CSR_STOPEI 0x15c

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#define RV_TEXT_OF(x) #x
#define RV_TEXT(x) RV_TEXT_OF(x)

#define rv_read(csr)                                                                      \
	({                                                                                \
		uint64_t rv_value;                                                        \
		__asm__ volatile("csrr %0, " RV_TEXT(csr) : "=r"(rv_value) : : "memory"); \
		rv_value;                                                                 \
	})
#define rv_write(csr, value) \
	__asm__ volatile("csrw " RV_TEXT(csr) ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define rv_set(csr, bits) \
	__asm__ volatile("csrs " RV_TEXT(csr) ", %0" : : "rK"((uint64_t)(bits)) : "memory")
#define rv_clear(csr, bits) \
	__asm__ volatile("csrc " RV_TEXT(csr) ", %0" : : "rK"((uint64_t)(bits)) : "memory")
#define rv_swap(csr, value)                                       \
	({                                                        \
		uint64_t rv_value;                                \
		__asm__ volatile("csrrw %0, " RV_TEXT(csr) ", %1" \
				 : "=r"(rv_value)                 \
				 : "rK"((uint64_t)(value))        \
				 : "memory");                     \
		rv_value;                                         \
	})

static inline uint64_t rv_time(void)
{
	return rv_read(time);
}

static inline void rv_interrupts_off(void)
{
	rv_clear(sstatus, RV_SSTATUS_SIE);
}

static inline void rv_interrupts_on(void)
{
	rv_set(sstatus, RV_SSTATUS_SIE);
}

/* Until an interrupt that sie enables is pending, taken or not (Privileged 3.3.3). */
static inline void rv_wait(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

/* Halt for ever. */
static inline _Noreturn void rv_stop(void)
{
	rv_interrupts_off();
	rv_write(sie, 0);
	for (;;)
		rv_wait();
}

/* A call to firmware: RISC-V Supervisor Binary Interface. Answers its error, 0 if none. */
static inline int64_t rv_sbi(uint64_t extension, uint64_t function, uint64_t first, uint64_t second)
{
	register uint64_t a0 __asm__("a0") = first;
	register uint64_t a1 __asm__("a1") = second;
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
	return (int64_t)a0;
}

#endif

#define RV_SBI_TIME 0x54494d45  /* function 0: set the timer (SBI 6) */
#define RV_SBI_RESET 0x53525354 /* function 0: reset the system (SBI 10) */

#endif
