/* SPDX-License-Identifier: MIT */
/*
 * no_screen.c - a program without ncurses: text instead of a screen.
 */
#include "top/screen.h"

#include <stdio.h>

bool screen_begin(void)
{
	fprintf(stderr, "ivsh: top: made without ncurses: text instead of a screen\n");
	return false;
}

int screen_run(struct view *view, const struct transport *transport, uint32_t count)
{
	(void)view;
	(void)transport;
	(void)count;
	return 0;
}

void screen_end(void)
{
}
