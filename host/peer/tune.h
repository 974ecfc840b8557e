/* SPDX-License-Identifier: MIT */
/*
 * tune.h - tune: measure this machine, and write a geometry file for it.
 */
#ifndef PEER_TUNE_H
#define PEER_TUNE_H

#include "app/options.h"
#include "app/world.h"

bool tune_use_take(const char *text); /* --use NAME */

int tune_command(const struct world *world, const struct options *options);

#endif
