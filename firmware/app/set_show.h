/* SPDX-License-Identifier: MIT */
/*
 * set_show.h - what is printed of the devices of a split region.
 */
#ifndef APP_SET_SHOW_H
#define APP_SET_SHOW_H

#include "app/options.h"
#include "app/world.h"

#include <ivsh/set.h>

/* After an attach, or a probe: one line for each device that is left out and was not printed. */
void set_report(const struct ivsh_set *set, uint8_t *said);

/*
 * Without a server, and before the attach: whether the slot is known, by the part that can be
 * written, or (wanted) by --slot; else IVSH_SELF_NONE. mem: the set's transport. STATUS_DONE; or
 * another status, after what set_report() prints and a line.
 */
int set_self(const struct ivsh_set *set, const struct ivsh_mem *mem, uint8_t *said,
    const char *object, uint32_t wanted);

/* Print why a region was refused, if it is for the own part. False: it is not. */
bool set_refuse(const struct ivsh_set *set, const struct transport *transport, int error);

/* What info prints of the parts. */
void set_show(const struct ivsh_set *set, const struct options *options);

#endif
