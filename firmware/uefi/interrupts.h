/* SPDX-License-Identifier: MIT */
/*
 * interrupts.h - message signalled interrupts while boot services run.
 *
 * The calls with a (ctx) are the port's (ivsh/platform.h) and ignore it.
 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include <efi.h>

#include <stdbool.h>
#include <stdint.h>

/* First, once; (services) live as long as the program. Registers nothing yet. */
void interrupts_open(EFI_BOOT_SERVICES *services);

/*
 * All indexes share one vector of the processor, taken for the first and given back with the last.
 * A machine that has none to give is told on stderr, once: peers poll then.
 *
 * Before the last msi_close the device must have been kept from sending more: see interrupts.c.
 */
int interrupts_msi_open(void *ctx, uint32_t index, uint64_t *address, uint32_t *data);
void interrupts_msi_close(void *ctx, uint32_t index);

/* Interrupts since interrupts_open(), modulo 2^32. */
uint32_t interrupts_count(void *ctx);

/* Whether a bell can end a sleep now: some index is open. */
bool interrupts_on(void);

/* Give back what is still open, as the last msi_close does. */
void interrupts_close(void);

#endif
