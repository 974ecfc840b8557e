/* SPDX-License-Identifier: MIT */
/*
 * page.h - the server page: the words by which guests see the server and who is connected. SPEC 4.
 */
#ifndef PAGE_H
#define PAGE_H

#include <ivsh/wire.h>

#include <stdbool.h>
#include <stdint.h>

/* What the words shall be. They are written from here, and never read back. */
struct page {
	struct ivsh_wire_server *words; /* NULL: raw, nothing is ever written */
	uint32_t epoch;
	uint32_t beat;
	uint32_t change;
	bool is_changed; /* a change that nobody has been rung for */
	uint32_t connection[IVSH_WIRE_SLOTS_MAX];
};

/*
 * Begin a new epoch, with all connections unknown, in which each slot has (vectors) eventfds.
 * (words) may be NULL. 0, or -1 after one line.
 */
int page_open(struct page *page, struct ivsh_wire_server *words, uint32_t vectors);

/* A client came to, or left, (slot): each advances its connection word by one. */
void page_connection(struct page *page, uint32_t slot);

/* Every 250 ms. */
void page_beat(struct page *page);

/* Something changed since the last call, and all slots are to be rung. */
bool page_take_change(struct page *page);

/* Say that there is no server any more. */
void page_close(struct page *page);

#endif
