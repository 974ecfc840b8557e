/* SPDX-License-Identifier: MIT */
/*
 * identity.h - a number that this machine has again after a reset: platform.h, machine.
 */
#ifndef BARE_IDENTITY_H
#define BARE_IDENTITY_H

#include <stdint.h>

/*
 * The number that this machine had at its last start, if this one is a reset; else (first), which
 * is not 0. (page) is in no segment of the image, and aligned to 8.
 */
uint64_t bare_identity(void *page, uint64_t first);

#endif
