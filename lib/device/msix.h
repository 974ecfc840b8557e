/* SPDX-License-Identifier: MIT */
/*
 * msix.h - what device.c needs of the MSI-X capability: finding it, and silencing it.
 */
#ifndef DEVICE_MSIX_H
#define DEVICE_MSIX_H

#include "device/config.h"

#include <ivsh/device.h>

/*
 * Look for the MSI-X capability: sets device->doorbell, msix and vectors when there is one, and
 * turns it off. IVSH_EPROTO when the capability list is broken.
 */
COLD int ivsh_msix_find(struct ivsh_device *device);

/* Mask all, turn MSI-X off, unmap the table, give the interrupts back. Harmless without any. */
COLD void ivsh_msix_close(struct ivsh_device *device);

#endif
