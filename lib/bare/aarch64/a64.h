/* SPDX-License-Identifier: MIT */
/*
 * a64.h - what the files of this folder share.
 *
 * "ARM" is the Arm Architecture Reference Manual for A-profile architecture (DDI 0487).
 */
#ifndef A64_H
#define A64_H

#include "bare/aarch64/cpu.h"
#include "bare/aarch64/qemu.h"

#include <stdbool.h>
#include <stdint.h>

/* --- The image: linker/aarch64.ld ------------------------------------------------------------- */

extern char image_text[], image_text_end[];
extern char image_rodata[], image_rodata_end[];
extern char image_data[], image_data_end[];
extern char image_trap_guard[], image_trap_stack[], image_trap_stack_end[];
extern char image_guard[], image_stack[], image_stack_end[];
extern char image_kept[], image_kept_end[];
extern char image_end[];

/* --- start.S ---------------------------------------------------------------------------------- */

void a64_clean(const void *start, const void *end);

/* --- check.c ---------------------------------------------------------------------------------- */

/*
 * End the machine with ARCH_EXIT_PROCESSOR and a line if the processor lacks what the image needs,
 * or if it started it at an exception level (level) that is not 1 or 2.
 */
void a64_check(uint32_t level);

/* --- pl011.c ---------------------------------------------------------------------------------- */

/* Until the device tree is read the console is where QEMU's virt has it. 0: there is none. */
void a64_console_init(uint64_t address);

/* --- paging.c --------------------------------------------------------------------------------- */

/* Turn the MMU on: the image, each part with its own rights, and the page of (console). */
void a64_paging_init(uint64_t console);

/* --- trap.c, vectors.S ------------------------------------------------------------------------ */

/* Print (text) on the console. */
void a64_print(const char *text);

/* Print (why) on the console, and end the machine with status 1. */
_Noreturn void a64_fatal(const char *why);

/* --- call.S: calls of what is below the program ----------------------------------------------- */

/* Each answers -1 where there is nothing below that answers it. May be called anywhere. */
int64_t a64_hvc(uint64_t function);
int64_t a64_smc(uint64_t function);

/* The instruction of each, which is undefined there: trap.c goes on behind it. */
extern const char a64_hvc_call[], a64_smc_call[];

/* --- power.c ---------------------------------------------------------------------------------- */

/* Find in the device tree how PSCI is called. */
void a64_power_init(void);

/* --- clock.c ---------------------------------------------------------------------------------- */

/* Bring up the clock, the interrupt controller and the timer, and let interrupts come. */
void a64_clock_init(void);

#endif
