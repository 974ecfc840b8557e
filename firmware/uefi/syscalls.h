/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - what newlib asks of an operating system, over boot services.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <efi.h>

/*
 * Take the memory that malloc() and stdio will live in. Before the first call of newlib; the
 * console must be open.
 */
EFI_STATUS syscalls_open(EFI_BOOT_SERVICES *services);

/*
 * Call (program), and answer its exit status: what it returns, or what it hands to exit(), from
 * however deep. Buffered output is written by then. Once: newlib does not start twice.
 */
int syscalls_run(int (*program)(void *ctx), void *ctx);

/* Give the memory back. No call of newlib after this. */
void syscalls_close(void);

#endif
