/* SPDX-License-Identifier: MIT */
/*
 * keys.h - what a key changes in a view. Without ncurses: its keys come as these.
 */
#ifndef TOP_KEYS_H
#define TOP_KEYS_H

#include "top/view.h"

enum keys_key {
	KEYS_UP = 0x100,
	KEYS_DOWN,
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN,
	KEYS_FIRST,
	KEYS_LAST,
};

/* A key and what it does, for the help. */
struct keys_help {
	const char *key, *help;
};

extern const struct keys_help keys_help[]; /* behind the last one: NULL */

/* (key) is a character or one of the above; a table has (page) rows. */
void keys_press(struct view *view, int key, uint32_t page);

#endif
