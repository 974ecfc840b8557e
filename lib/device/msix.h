/* SPDX-License-Identifier: MIT */
/*
 * msix.h - the MSI-X capability for device.c: find it, and disable it.
 */
#ifndef DEVICE_MSIX_H
#define DEVICE_MSIX_H

#include "device/config.h"

#include <ivsh/device.h>

#define MSIX_VECTORS_MAX 2048u /* PCI 6.8.2 */

/*
 * Find the MSI-X capability: if there is one, set device->doorbell, msix and vectors, and disable
 * MSI-X. IVSH_EPROTO: the capability list is broken.
 */
COLD int ivsh_msix_find(struct ivsh_device *device);

/*
 * What ivsh_device_close() does, in this order; each is harmless without a mapped table. (decodes):
 * the table can be reached, and all its entries are masked before MSI-X is disabled.
 */
COLD void ivsh_msix_disable(struct ivsh_device *device, bool decodes);
COLD void ivsh_msix_unmap(struct ivsh_device *device);
COLD void ivsh_msix_free(struct ivsh_device *device);

/*
 * Disable MSI-X and enable it again: after a migration KVM delivers no interrupt before that. The
 * platform is asked for its messages again if the table has been cleared.
 */
COLD void ivsh_msix_restart(struct ivsh_device *device);

#endif
