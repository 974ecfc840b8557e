/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - what a filter of system calls answers, evaluated as the kernel evaluates it, with the
 * numbers of the processor that this is compiled for.
 */
#ifndef TESTS_VERDICT_H
#define TESTS_VERDICT_H

#include "process/syscalls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

#define VERDICT_NUMBERS 1024u /* no architecture's last call is as high */
#define VERDICT_DENIED (SECCOMP_RET_ERRNO | EPERM)

/* 32 bits: the second call of each. */
#ifdef SYS_mmap2
#define VERDICT_MMAP SYS_mmap2
#define VERDICT_FCNTL SYS_fcntl64
#else
#define VERDICT_MMAP SYS_mmap
#define VERDICT_FCNTL SYS_fcntl
#endif

/* The answer for (data): linux/filter.h, as much of it as the filters use. */
uint32_t verdict_of(const struct sock_fprog *filter, const struct seccomp_data *data);

/* The answer for the call (number) with these arguments, on this architecture. */
uint32_t verdict(const struct sock_fprog *filter, uint32_t number, uint64_t first, uint64_t second,
    uint64_t third);

/* Cases: this architecture's calls are answered; another's end the process. */
void verdict_architecture(const struct sock_fprog *filter);

/* Case: a call that x86_64 has twice, for x32, and no call at all are denied. */
void verdict_numbers(const struct sock_fprog *filter);

#endif
