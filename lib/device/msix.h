/* SPDX-License-Identifier: MIT */
/*
 * msix.h - the MSI-X capability for device.c: find it, and disable it.
 */
#ifndef DEVICE_MSIX_H
#define DEVICE_MSIX_H

#include "device/config.h"

#include <ivsh/device.h>

/*
 * Find the MSI-X capability: if there is one, set device->doorbell, msix and vectors, and disable
 * MSI-X. IVSH_EPROTO: the capability list is broken.
 */
COLD int ivsh_msix_find(struct ivsh_device *device);

/* Mask all vectors, disable MSI-X, unmap the table, free the interrupts. Harmless without any. */
COLD void ivsh_msix_close(struct ivsh_device *device);

#endif
