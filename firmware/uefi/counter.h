/* SPDX-License-Identifier: MIT */
/*
 * counter.h - the processor's counter, and how it halts: each architecture's folder has one
 * implementation.
 */
#ifndef UEFI_COUNTER_H
#define UEFI_COUNTER_H

#include <efi.h>

#include <stdint.h>

/* Find out how fast it counts. Once, before the other calls. */
void counter_open(EFI_BOOT_SERVICES *services);

/* Nanoseconds since counter_open(). */
uint64_t counter_ns(void);

/*
 * Halt until the next interrupt, unless a doorbell interrupt has come since (seen) was read
 * (arch_doorbells()). One that comes after that check ends the halt.
 */
void counter_halt(uint32_t seen);

#endif
