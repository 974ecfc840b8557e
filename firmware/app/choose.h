/* SPDX-License-Identifier: MIT */
/*
 * choose.h - which of a machine's ivshmem devices a command works with.
 *
 * A machine may have several, and the memory of another may be another program's: empty as it is,
 * it looks like one that waits for us to format it.
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
 * none has, the first with a doorbell and no memory of somebody else's. False: one line on stderr
 * has said why there is none.
 */
bool choose_device(
    const struct machine *machine, const struct choose_device *device, struct choice *choice);

/*
 * Whether nobody else's memory can be meant: it may be formatted, or be cleared by who asks for it.
 */
bool choose_is_sure(const struct choice *choice);

/* "00:04.0", with the segment in front where that is not 0. Static text. */
const char *choose_place(uint32_t function);

/* To stderr, at the end of a line: all devices, and how to name one. */
void choose_print(const struct machine *machine);

#endif
