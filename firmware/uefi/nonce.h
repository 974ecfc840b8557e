/* SPDX-License-Identifier: MIT */
/*
 * nonce.h - a number that differs from one start to the next: arch_nonce().
 */
#ifndef NONCE_H
#define NONCE_H

#include <efi.h>

/* First, once. (system) is valid as long as the program runs. */
void nonce_open(EFI_SYSTEM_TABLE *system);

#endif
