/* SPDX-License-Identifier: MIT */
/*
 * draw.h - one frame, into the window of ncurses.
 */
#ifndef TOP_DRAW_H
#define TOP_DRAW_H

#include "top/view.h"

#include "app/world.h"

/* Draw the view as it is now; what is no longer there is erased. */
void draw_frame(struct view *view, const struct transport *transport, bool is_utf8);

/* How many peers the table shows, in a window of (lines). */
uint32_t draw_page(const struct view *view, int lines);

#endif
