/* SPDX-License-Identifier: MIT */
/*
 * log.h - where a slot's log is. SPEC 15.
 */
#ifndef IVSH_CORE_LOG_H
#define IVSH_CORE_LOG_H

#include <ivsh/region.h>

/* The line of the log of (slot), with its bytes behind it. NULL: no such slot, or no logs. */
struct ivsh_wire_log *ivsh_log_at(const struct ivsh_region *region, uint32_t slot);

#endif
