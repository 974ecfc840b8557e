/* SPDX-License-Identifier: MIT */
/*
 * used.h - the addresses that the functions on a bus have.
 */
#ifndef DEVICE_USED_H
#define DEVICE_USED_H

#include "device/bridge.h"
#include "device/config.h"
#include "device/ranges.h"

#define USED_SKIP_NONE CONFIG_ABSENT

/*
 * Mark what functions and bridges on (bus) have: BARs, expansion ROMs and windows, decoding or not.
 * Window (which) of the bridge at (skipped) is left out. A BAR that cannot be sized marks
 * everything.
 */
COLD void ivsh_used(const struct ivsh_platform *platform, uint32_t bus, uint32_t skipped,
    enum bridge_window which, struct ranges *ranges);

#endif
