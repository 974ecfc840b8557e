/* SPDX-License-Identifier: MIT */
/*
 * choose.h - which of a machine's ivshmem devices a command works with.
 *
 * A machine may have several, and the memory of one may belong to another program. An empty memory
 * does not show whether it does, or whether this command may format it.
 */
#ifndef APP_CHOOSE_H
#define APP_CHOOSE_H

#include "app/device.h"

/* One --device. */
struct choose_device {
	const char *text; /* as it was given */
	bool is_address;  /* a bus address: number is an IVSH_PCI_FUNCTION() */
	uint32_t number;  /* else which ivshmem device, from 0 */
};

/* From --device=N or BUS ADDRESS. False after one line on stderr. */
bool choose_parse(struct choose_device *device, const char *text);

struct choice {
	uint32_t function; /* where it is: IVSH_PCI_FUNCTION() */
	uint32_t index;    /* what --device=N calls it */
	uint32_t count;    /* ivshmem devices of this machine */
	bool named;        /* by --device */
};

/*
 * The device that (device) names; NULL: the only one; else the one that has a region of ours or, if
 * none has, the first with a doorbell whose memory belongs to nobody else. False after one line on
 * stderr.
 */
bool choose_device(
    const struct machine *machine, const struct choose_device *device, struct choice *choice);

/*
 * Whether the device cannot be another program's: a command may format its memory, or clear it on
 * request.
 */
bool choose_is_sure(const struct choice *choice);

/* To stderr, at the end of a line: all devices, and how to name one. */
void choose_print(const struct machine *machine);

#endif
