/* SPDX-License-Identifier: MIT */
/*
 * screen.h - the view on a terminal. Two files implement it: screen.c by ncurses, and no_screen.c,
 * which has none, for programs that are linked without it.
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "top/view.h"

#include "app/world.h"

/* Take the terminal. False, after a line: it cannot show this, and the caller prints text. */
bool screen_begin(void);

/* Show the view until the user, a signal or (count) looks end it. The exit status. */
int screen_run(struct view *view, const struct transport *transport, uint32_t count);

/* Give the terminal back as it was. */
void screen_end(void);

#endif
