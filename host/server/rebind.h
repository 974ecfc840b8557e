/* SPDX-License-Identifier: MIT */
/*
 * rebind.h - at a reload: sockets of slots that the configuration has now, or has no longer.
 */
#ifndef REBIND_H
#define REBIND_H

#include "config/options.h"
#include "wire/state.h"
#include "process/listener.h"

struct rebind {
	const struct options *options; /* whose the parts of a split region shall be */
	struct listener *added;
	uint32_t added_count;
	uint32_t *removed; /* entries of state->listener */
	uint32_t removed_count;
	uint32_t *moved; /* likewise, those that are for another slot now */
	uint32_t *slot;  /* which one */
	uint32_t moved_count;
};

/*
 * Compare (options) with the listeners in (state), and open sockets for those that are missing.
 * Call before isolation. 0, or -1 after one line, with nothing left behind.
 */
int rebind_open(struct rebind *rebind, const struct state *state, const struct options *options);

/*
 * Send the new sockets to the supervisor, and which listeners are for another slot or no longer
 * wanted; and of a split region whose the parts shall be. 0, or -1 after one line.
 */
int rebind_send(const struct rebind *rebind, int link);

/* The supervisor does not get the new sockets: remove them. */
void rebind_undo(struct rebind *rebind);

#endif
