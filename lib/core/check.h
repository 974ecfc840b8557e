/* SPDX-License-Identifier: MIT */
/*
 * check.h - what a region has its channels do: struct ivsh_region has it as a function pointer.
 */
#ifndef IVSH_CORE_CHECK_H
#define IVSH_CORE_CHECK_H

#include <ivsh/channel.h>

/*
 * Check of each open channel whether our own words in its rings are as we stored them. If the slot
 * is lost, or left, instead every channel is dead from here on.
 */
void ivsh_channels_check(struct ivsh_region *region);

#endif
