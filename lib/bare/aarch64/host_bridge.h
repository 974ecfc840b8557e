/* SPDX-License-Identifier: MIT */
/*
 * host_bridge.h - whose message it is: the way from a PCI function to the message controller.
 */
#ifndef A64_HOST_BRIDGE_H
#define A64_HOST_BRIDGE_H

#include "bare/dtb.h"

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * The message controller of the first host bridge, which must be compatible with (compatible): the
 * first that its msi-map or msi-parent names; without either, the first of the tree. 0: none.
 */
uint32_t a64_host_bridge_open(const struct bare_dtb *dtb, const char *compatible);

/*
 * The requester ID of the messages of (function) at the host bridge: bus in 15:8, devfn in 7:0. It
 * is the function's own, unless a bridge to conventional PCI above it sends them in its name.
 */
uint32_t a64_requester(const struct ivsh_platform *platform, uint32_t function);

/* The number that the message controller knows (requester) by. False: none reaches it. */
bool a64_device_id(uint32_t requester, uint32_t *id);

#endif
