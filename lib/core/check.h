/* SPDX-License-Identifier: MIT */
/*
 * check.h - the check of a region's channels, which struct ivsh_region has as a function pointer.
 */
#ifndef IVSH_CORE_CHECK_H
#define IVSH_CORE_CHECK_H

#include "core/linkage.h"

#include <ivsh/channel.h>

/*
 * Check for each open channel whether our own words in its rings are as we stored them. If the slot
 * is lost or detached, mark every channel as dead instead.
 */
HIDDEN void ivsh_channels_check(struct ivsh_region *region);

#endif
