/* SPDX-License-Identifier: MIT */
/*
 * vfio.h - the ivshmem device by VFIO: registers, memory, and MSI-X interrupts as an eventfd.
 *
 * Linux, Documentation/driver-api/vfio.rst, and <linux/vfio.h>.
 */
#ifndef LINUX_GUEST_VFIO_H
#define LINUX_GUEST_VFIO_H

#include "linux_guest.h"

/*
 * Open the device, which vfio-pci has: map it, enable bus mastering, and connect up to (vectors)
 * of its MSI-X vectors to guest->doorbells. 0; or -1 with guest->error and errno: then
 * vfio_close() closes what is open. EBUSY: another process has it.
 */
int vfio_open(struct ivsh_linux *guest, uint32_t vectors);

/* Is the device still there? Enable it anew. 0, or IVSH_ENODEV. */
int vfio_recheck(struct ivsh_linux *guest);

void vfio_close(struct ivsh_linux *guest);

#endif
