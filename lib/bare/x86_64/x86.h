/* SPDX-License-Identifier: MIT */
/*
 * x86.h - what the files of this folder share.
 *
 * "SDM" is Intel's Software Developer's Manual, volume 3.
 */
#ifndef X86_H
#define X86_H

#include "bare/x86_64/cpu.h"

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- The image: linker/x86_64.ld -------------------------------------------------------------- */

extern char image_text[], image_text_end[];
extern char image_rodata[], image_rodata_end[];
extern char image_data[], image_data_end[];
extern char image_trap_guard[], image_trap_stack[], image_trap_stack_end[];
extern char image_guard[], image_stack[], image_stack_end[];
extern char image_kept[], image_kept_end[];
extern char image_end[];

/* --- pvh.c: the loader's start info ----------------------------------------------------------- */

/* Copy what is needed of the start info at (address). After x86_paging_init(). */
void x86_pvh_init(uint32_t address);

uint64_t x86_ram_end(uint64_t address); /* where the RAM that holds (address) ends; 0: none does */
uint64_t x86_ram_top(uint64_t limit);   /* the end of the highest RAM that starts below (limit) */

bool x86_pvh_has_acpi(void); /* the loader found ACPI's tables */

/* --- paging.c --------------------------------------------------------------------------------- */

/* Replace the boot page tables: only the image is mapped, each part with its own rights. */
void x86_paging_init(void);

/*
 * Map (size) bytes at (address) to themselves, writable and not executable. NULL: no memory for the
 * tables, no such address, or the image or a page with other attributes is there; nothing has
 * changed then. x86_unmap() undoes one call with the same address and size.
 */
void *x86_map(uint64_t address, uint64_t size, enum ivsh_map kind);
void x86_unmap(const void *base, uint64_t size);

/* From now on an access through a NULL pointer faults. */
void x86_unmap_page_0(void);

/* The number of bits of a physical address. */
uint32_t x86_address_bits(void);

/* --- mtrr.c ----------------------------------------------------------------------------------- */

/* How an address is cached is the page tables' alone from now on. After x86_paging_init(). */
void x86_mtrr_init(void);

/* --- trap.c, vectors.S ------------------------------------------------------------------------ */

#define X86_CODE_SELECTOR 0x08 /* in start.S's table */
#define X86_TSS_SELECTOR 0x18

#define X86_VECTOR_TIMER 0x20u /* the first that is no exception (SDM 6.2) */
#define X86_VECTOR_FREE 0x30u  /* from here to 0xef: for devices */
#define X86_VECTORS_FREE 0xc0u
#define X86_VECTOR_SPURIOUS 0xffu /* SDM 10.9: no EOI for this one */

void x86_trap_init(void);

/*
 * Call (handler) at each interrupt of (vector), 0x20 to 0xfe, with interrupts off; the EOI is
 * automatic. A handler must not use vector registers, nor call code that may.
 */
void x86_interrupt_handler(uint32_t vector, void (*handler)(uint32_t vector));

/* --- apic.c ----------------------------------------------------------------------------------- */

void x86_apic_init(void);
void x86_apic_eoi(void);
void x86_apic_timer_start(uint32_t ticks); /* one interrupt after (ticks); 0 stops it */
uint32_t x86_apic_timer_left(void);        /* ticks until then */

/* Count a doorbell interrupt. For interrupt handlers. */
void x86_doorbell(void);

/* For struct ivsh_platform: ivsh/platform.h. */
int x86_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data);
void x86_msi_close(void *ctx, uint32_t function, uint32_t index);

/* --- power.c ---------------------------------------------------------------------------------- */

/* Halt if this start is the reset of a machine that could not be switched off. */
void x86_power_init(void);

bool x86_has_acpi_registers(void); /* at 0x600: QEMU's pc and q35 */

/* Interrupts are off. May be called from an exception. */
_Noreturn void x86_power_off(void);

/* --- The rest, in the order in which the machine comes up ------------------------------------- */

void x86_console_init(void);
void x86_console_init_screen(void); /* after x86_paging_init() */
bool x86_screen_init(void);         /* screen.c; false: there is none */
void x86_screen_write(const char *bytes, size_t size);
void x86_clock_init(void);
void x86_calibrate(uint64_t *tsc_hz, uint64_t *apic_hz); /* calibrate.c: ticks a second */
void x86_platform_init(void);
void x86_generation_init(void); /* platform.c; after x86_power_init(), which enables the GPEs */
bool x86_is_microvm(void);      /* platform.c: there is no 0xCF8 */

/* Print (text) on the console. */
void x86_print(const char *text);

/* Print (why) on the console, and end the machine with status 1. */
_Noreturn void x86_fatal(const char *why);

#endif
