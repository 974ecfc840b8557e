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
 * Without a server: this peer's slot, (wanted) by --slot or IVSH_SELF_NONE. STATUS_DONE if a part
 * says whose it is, or --slot does; else another status after a line.
 */
int set_self(const struct ivsh_set *set, const char *object, uint32_t wanted);

/* Print why a region was refused, if it is for the own part. False: it is not. */
bool set_refuse(const struct ivsh_set *set, const struct transport *transport, int error);

/* What info prints of the parts. */
void set_show(const struct ivsh_set *set, const struct options *options);

#endif
