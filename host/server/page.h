/* SPDX-License-Identifier: MIT */
/*
 * page.h - the server page: its words show guests the server and the connected peers. SPEC 4.
 */
#ifndef PAGE_H
#define PAGE_H

#include "wire/tables.h"

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

struct page {
	struct ivsh_wire_server *words; /* in the memory; NULL: raw, nothing is ever written */
	/* Split: the same page in the slots' common memories, which clients can write over. */
	struct ivsh_wire_server *const *copies;
	uint32_t copy_count;
	struct page_words *is; /* in the shared state: what the words shall be */
	uint32_t vectors;
	bool is_changed;   /* a change for which no peer has been notified */
	bool is_epoch_due; /* the page was not this server's, and no epoch has begun since */
	uint64_t epoch_ns; /* when page_heartbeat() last began an epoch; 0: never */
};

/*
 * Write the page, for slots of (vectors) eventfds each. If (is) has no epoch yet this begins one,
 * in which all connections are unknown; else the epoch goes on. (words) may be NULL. 0, or -1 after
 * one line.
 */
int page_open(
    struct page *page, struct page_words *is, struct ivsh_wire_server *words, uint32_t vectors);

/*
 * Write the page to each of (count) other memories, too, from now on. (copies) stays the caller's.
 * With copies no epoch begins because of what is found in the page: its words are in a memory that
 * no client writes.
 */
void page_copy(struct page *page, struct ivsh_wire_server *const *copies, uint32_t count);

/* Slot (slot) is, or is not, connected: advances its connection word if that is new. */
void page_connection(struct page *page, uint32_t slot, bool is_connected);

/*
 * Every 250 ms: the heartbeat moves, and what others have written over the page does not stay.
 * Where they have overwritten the epoch or the heartbeat, another epoch begins.
 */
void page_heartbeat(struct page *page);

/* Whether something changed since the last call: then all slots are to be notified. */
bool page_take_change(struct page *page);

/* Say that there is no server any more. */
void page_close(struct page *page);

#endif
