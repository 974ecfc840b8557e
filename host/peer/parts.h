/* SPDX-License-Identifier: MIT */
/*
 * parts.h - what of a split region a process cannot use, for its user.
 */
#ifndef PEER_PARTS_H
#define PEER_PARTS_H

#include <ivsh/mem.h>
#include <ivsh/wire.h>

#include <stdbool.h>

/*
 * Whether the part of mem->self is there: else one line, which names it and (object). The exit
 * status.
 */
int parts_own(const char *object, const struct ivsh_mem *mem);

/*
 * (mem) was attached, or probed: name each other part that the region does without, once. said: by
 * slot, what was named already.
 */
void parts_others(const char *object, const struct ivsh_mem *mem, bool said[IVSH_WIRE_SLOTS_MAX]);

#endif
