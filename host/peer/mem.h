/* SPDX-License-Identifier: MIT */
/*
 * mem.h - mem: memory files for peers without a server.
 */
#ifndef MEM_H
#define MEM_H

#include "app/options.h"
#include "app/world.h"

bool mem_geometry_take(const char *text); /* --geometry FILE */
bool mem_log_size_take(const char *text); /* --log-size SIZE */
int mem_run(const struct world *world, const struct options *options);

#endif
