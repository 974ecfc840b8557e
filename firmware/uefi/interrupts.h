/* SPDX-License-Identifier: MIT */
/*
 * interrupts.h - message signalled interrupts while boot services run, counted by arch_doorbells().
 *
 * The calls with a (ctx) are those of struct ivsh_platform, and ignore it.
 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include <efi.h>

#include <stdbool.h>
#include <stdint.h>

/* First, once; (services) live as long as the program. Registers nothing yet. */
void interrupts_open(EFI_BOOT_SERVICES *services);

/*
 * All indexes share one vector of the processor, which the first registers and the last
 * unregisters. If there is no free vector, one line goes to stderr, once, and the peer polls.
 *
 * Before the last msi_close the caller has masked the device: see interrupts.c.
 */
int interrupts_msi_open(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data);
void interrupts_msi_close(void *ctx, uint32_t function, uint32_t index);

/* Whether a doorbell can end a sleep now: some index is open. */
bool interrupts_on(void);

/* Close all that is open, as the last msi_close does. */
void interrupts_close(void);

#endif
