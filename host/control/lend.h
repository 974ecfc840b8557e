/* SPDX-License-Identifier: MIT */
/*
 * lend.h - what a machine is to be given, and how QEMU and libvirt are told.
 */
#ifndef LEND_H
#define LEND_H

#include "control/answer.h"

#include <stdio.h>

/* The device for one slot. */
struct lend {
	const struct answer *answer;
	const char *socket; /* where to connect */
	const char *name;   /* of the device: libvirt wants one */
};

/* ivshmem-doorbell, and ivshmem-plain: options of qemu-system, one line. */
void qemu_doorbell(FILE *out, const struct lend *lend);
void qemu_plain(FILE *out, const struct lend *lend);

/* The same as elements of a domain. */
void libvirt_doorbell(FILE *out, const struct lend *lend);

/* 0, or 1 after one line: libvirt cannot be told of this memory. (path): the control socket's. */
int libvirt_plain(FILE *out, const struct lend *lend, const char *path);

#endif
