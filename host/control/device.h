/* SPDX-License-Identifier: MIT */
/*
 * device.h - the device for one slot, as QEMU and libvirt describe it.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "control/answer.h"

#include <stdio.h>

struct device {
	const struct answer *answer; /* the server's memory and vectors */
	const char *socket;          /* where QEMU connects; NULL: nowhere */
	const char *name;            /* of the device; libvirt needs one */
};

/* Write the options of qemu-system for ivshmem-doorbell, or ivshmem-plain, in one line. */
void qemu_doorbell(FILE *out, const struct device *device);
void qemu_plain(FILE *out, const struct device *device);

/* Write the same as an element of a libvirt domain. */
void libvirt_doorbell(FILE *out, const struct device *device);

/*
 * (path) is the control socket, for messages. Returns 0, or -1 after one line: libvirt cannot open
 * this memory.
 */
int libvirt_plain(FILE *out, const struct device *device, const char *path);

#endif
