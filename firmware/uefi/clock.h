/* SPDX-License-Identifier: MIT */
/*
 * clock.h - time and sleep: arch_now_ns(), arch_relax() and arch_sleep().
 *
 * With interrupts on (interrupts.h), arch_sleep() ends with a doorbell interrupt, or with the
 * firmware's first tick after the deadline: late by up to a tick, 10 ms on OVMF. Without, it ends
 * with the next tick: within 10 ms, or within CLOCK_LATE_NS if the deadline is nearer than that. So
 * it ends early, or late by less than CLOCK_LATE_NS. Under 50 us it spins in either case.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <efi.h>

/* A short sleep of a polling peer is at most this late, in nanoseconds. */
#define CLOCK_LATE_NS 3000000u

/* Open the counter, which takes about 30 ms on x86_64. Once, before any other use of time. */
void clock_open(EFI_BOOT_SERVICES *services);

/* Restore the firmware's own tick. */
void clock_close(void);

#endif
