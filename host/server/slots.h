/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the table of slots: a slot is a peer's eventfds, its ID, and the client that holds it.
 *
 * The eventfds live as long as the supervisor. By default a slot's ID is its number. The server
 * sends every client the eventfds of all slots when it connects, and a client that returns gets the
 * same. So QEMU never hears of a peer that leaves: it frees memory twice when an ID that left comes
 * back (QEMU 7.2, hw/misc/ivshmem.c, close_peer_eventfds()). With --classic each client gets the
 * next ID, and its slot is free again when no client is left that knows that ID.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "wire/tables.h"

#include <stdbool.h>
#include <stdint.h>

struct slots {
	uint32_t count;
	uint32_t vectors;
	struct slot *slot;
	int32_t *doorbells; /* count * vectors eventfds, those of slot 0 first */
	const char **names; /* of bound slots; NULL: given out on the common socket */
	uint32_t *known;    /* classic: how many clients know its ID; NULL: IDs are for ever */
};

/* The eventfd that notifies (vector) of (slot). */
int slots_doorbell(const struct slots *slots, uint32_t slot, uint32_t vector);

/* The lowest slot that is free, not bound, and known to no client; SLOTS_NONE. */
uint32_t slots_lowest_free(const struct slots *slots);

/* Take what is left in a slot's eventfds: they are about to have another owner. */
void slots_drain(const struct slots *slots, uint32_t slot);

/*
 * Notify vector 0 of every slot that is held. Takes at most 10 ms a slot, whatever others do to the
 * eventfds. Answers how many could not be notified.
 */
uint32_t slots_notify(const struct slots *slots);

#endif
