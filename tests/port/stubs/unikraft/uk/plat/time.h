/* SPDX-License-Identifier: MIT */
/*
 * uk/plat/time.h - what ivsh_unikraft uses of Unikraft's header of this name.
 */
#ifndef STUB_UK_PLAT_TIME_H
#define STUB_UK_PLAT_TIME_H

#include <uk/arch/types.h>

__nsec ukplat_monotonic_clock(void);
__nsec ukplat_wall_clock(void);

#endif
