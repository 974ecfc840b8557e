/* SPDX-License-Identifier: MIT */
/*
 * nonce.h - a number that differs from one start to the next.
 */
#ifndef NONCE_H
#define NONCE_H

#include <efi.h>

#include <stdint.h>

/* As random as the firmware can; not for secrets. */
uint64_t nonce_make(EFI_SYSTEM_TABLE *system);

#endif
