/* SPDX-License-Identifier: MIT */
/*
 * plot.h - bench --plot: a histogram of times as a drawing, in SVG 1.1.
 *
 * Implements struct world_plot: app/world.h.
 */
#ifndef PEER_PLOT_H
#define PEER_PLOT_H

#include "app/world.h"

extern const struct world_plot plot;

bool plot_take(const char *text); /* --plot FILE */

#endif
