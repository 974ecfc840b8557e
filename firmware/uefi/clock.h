/* SPDX-License-Identifier: MIT */
/*
 * clock.h - time and sleep: the processor's time stamp counter, and hlt.
 *
 * The calls with a (ctx) are the port's (ivsh/platform.h) and ignore it.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <efi.h>

#include <stdint.h>

/* A short sleep of a peer that polls is at most this late, in nanoseconds. */
#define CLOCK_LATE_NS 3000000u

/*
 * Find out how fast the counter is: takes about 30 ms. Once, before the others.
 */
void clock_open(EFI_BOOT_SERVICES *services);

/* Give the firmware its own tick back. */
void clock_close(void);

uint64_t clock_now_ns(void *ctx);

/*
 * With interrupts on (interrupts.h), sleep until a bell comes, or until the first tick of the
 * firmware after the deadline: late by up to a tick, 10 ms on OVMF.
 *
 * Without, sleep until the next tick: within 10 ms, or CLOCK_LATE_NS when the deadline is
 * nearer than that. So it comes back early, or late by less than CLOCK_LATE_NS.
 *
 * Under 50 us it spins in either case.
 */
void clock_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns);

void clock_relax(void *ctx);

#endif
