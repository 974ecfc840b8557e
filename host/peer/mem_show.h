/* SPDX-License-Identifier: MIT */
/*
 * mem_show.h - mem info and mem rm: a memory file that exists.
 */
#ifndef PEER_MEM_SHOW_H
#define PEER_MEM_SHOW_H

#include <stdbool.h>

/* Each answers the exit status, after a line if it failed. */
int mem_info(const char *path, bool json);

/* force: even if somebody uses it. */
int mem_remove(const char *path, bool force, bool json);

#endif
