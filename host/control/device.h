/* SPDX-License-Identifier: MIT */
/*
 * device.h - the device for one slot, as QEMU and libvirt describe it.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "control/answer.h"

#include <stdbool.h>
#include <stdio.h>

#define DEVICE_PARTS 16u      /* the first PCI device that has parts */
#define DEVICE_PARTS_MAX 128u /* a bus has 32 devices of 8 functions */

struct device {
	const struct answer *answer; /* the server's memory and vectors */
	const char *socket;          /* where QEMU connects; NULL: nowhere */
	const char *name;            /* of the device; libvirt needs one */
	/* A split region: of which slots the machine is to see only what a sender needs. */
	bool is_short[DEVICE_PARTS_MAX];
};

/* Write the options of qemu-system for ivshmem-doorbell, or ivshmem-plain, in one line. */
void qemu_doorbell(FILE *out, const struct device *device);
void qemu_plain(FILE *out, const struct device *device);

/*
 * The same of a split region for (slot), whose part QEMU can write: an ivshmem-doorbell, or with
 * (is_plain) an ivshmem-plain, for the common memory, and an ivshmem-plain for each part. The part
 * of slot N is function N % 8 of PCI device DEVICE_PARTS + N / 8: by that address a guest knows
 * whose it is. SPEC R17.4.3. Of the slots in (is_short) it has only the beginning. SPEC R18.4.
 */
void qemu_split(FILE *out, const struct device *device, uint64_t slot, int is_plain);

/* Write the same as an element of a libvirt domain. */
void libvirt_doorbell(FILE *out, const struct device *device);

/*
 * (path) is the control socket, for messages. Returns 0, or -1 after one line: libvirt cannot open
 * this memory.
 */
int libvirt_plain(FILE *out, const struct device *device, const char *path);

#endif
