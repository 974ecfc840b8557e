/* SPDX-License-Identifier: MIT */
/*
 * top.h - top: a live view of a region, by an observer.
 */
#ifndef TOP_TOP_H
#define TOP_TOP_H

#include "app/options.h"
#include "app/world.h"

int top_command(const struct world *world, const struct options *options);

/* --sort=COLUMN, --plain. False after a line. */
bool top_sort_take(const char *text);
bool top_plain_take(const char *text);

#endif
