/* SPDX-License-Identifier: MIT */
/*
 * nonce.h - a number that differs from one start to the next. For bare metal and UEFI.
 */
#ifndef X86_NONCE_H
#define X86_NONCE_H

#include <stdint.h>

/*
 * A nonce from RDRAND, if the processor has it, from the time stamp counter, and from (more): what
 * the caller has of random numbers or time, or 0. Not for secrets.
 */
uint64_t x86_nonce(uint64_t more);

#endif
