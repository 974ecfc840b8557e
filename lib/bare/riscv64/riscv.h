/* SPDX-License-Identifier: MIT */
/*
 * riscv.h - what the files of this folder share.
 */
#ifndef RISCV_H
#define RISCV_H

#include "bare/riscv64/cpu.h"

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- The image: linker/riscv64.ld ------------------------------------------------------------- */

extern char image_text[], image_text_end[];
extern char image_rodata[], image_rodata_end[];
extern char image_data[], image_data_end[];
extern char image_trap_guard[], image_trap_stack[], image_trap_stack_end[];
extern char image_guard[], image_stack[], image_stack_end[];
extern char image_kept[], image_kept_end[];
extern char image_end[];

/* --- start.S, mmode.S ------------------------------------------------------------------------- */

extern uint64_t rv_hart;         /* the processor that this runs on */
extern uint32_t rv_has_firmware; /* 1: an SBI is below; 0: only mmode.S */

/*
 * For mmode.S: where this processor's timer is compared; 0: not known yet, and the timer of the
 * SBI answers an error.
 */
extern volatile uint64_t rv_mtimecmp;

/* --- paging.c --------------------------------------------------------------------------------- */

/* Turn paging on: only the image is mapped, each part with its own rights. */
void rv_paging_init(void);

/*
 * Map (size) bytes at (address) to themselves, writable and not executable. The kind does not
 * change what the processor does (DESIGN.md, "Bare metal on RISC-V"). NULL: no memory for the
 * tables, no such address, or the image or a page of another kind is there; nothing has changed
 * then. rv_unmap() undoes one call with the same address and size.
 */
void *rv_map(uint64_t address, uint64_t size, enum ivsh_map kind);
void rv_unmap(const void *base, uint64_t size);

/* --- trap.c, vectors.S ------------------------------------------------------------------------ */

void rv_trap_init(void);

/* Whether stimecmp can be used. Interrupts are off. */
bool rv_has_stimecmp(void);

/* --- imsic.c ---------------------------------------------------------------------------------- */

/* Find the interrupt file of this processor. Without one there are no doorbell interrupts. */
void rv_imsic_init(void);
void rv_imsic_interrupt(void); /* from trap.c */

/* --- The rest, in the order in which the machine comes up ------------------------------------- */

void rv_uart_open(uint64_t address);
uint64_t rv_power_find(void); /* where the device tree has the test device; 0: nowhere */
void rv_power_init(uint64_t address);
void rv_clock_init(void);
void rv_timer_interrupt(void); /* from trap.c */

/* Print (text) on the console. */
void rv_print(const char *text);

/* Print (why) on the console, and end the machine with status 1. */
_Noreturn void rv_fatal(const char *why);

#endif
