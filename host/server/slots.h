/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the fixed table of slots: a slot is a peer's ID, its eventfds, and who holds it.
 *
 * The eventfds live as long as the server. Every client gets all of them when it connects, and a
 * client that returns gets the same, so that QEMU never hears of anybody leaving; it frees memory
 * twice when it does (QEMU 7.2, hw/misc/ivshmem.c, close_peer_eventfds()).
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "options.h"

#include <stdbool.h>
#include <stdint.h>

#define SLOTS_NONE UINT32_MAX

struct slot {
	const char *name; /* of a bound slot; NULL: given out on the common socket */
	uint32_t client;  /* index of the client that holds it; SLOTS_NONE: free */
};

struct slots {
	uint32_t count;
	uint32_t vectors;
	struct slot *slot;
	int *bells; /* count * vectors eventfds, those of slot 0 first */
};

/* Make the table and all eventfds. 0, or -1 after one line, with nothing left open. */
int slots_open(struct slots *slots, const struct options *options);

/* The eventfd that rings (vector) of (slot). */
int slots_bell(const struct slots *slots, uint32_t slot, uint32_t vector);

/* The lowest slot that is free and not bound; SLOTS_NONE. */
uint32_t slots_lowest_free(const struct slots *slots);

/*
 * Ring vector 0 of every slot that is held. Takes at most 10 ms per slot, whatever others do to
 * the eventfds.
 */
void slots_ring(const struct slots *slots);

void slots_close(struct slots *slots);

#endif
