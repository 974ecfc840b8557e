/* SPDX-License-Identifier: MIT */
/*
 * stdint.h - empty, as U-Boot's own.
 */
#ifndef STUB_UBOOT_STDINT_H
#define STUB_UBOOT_STDINT_H

#include <limits.h>

#endif
