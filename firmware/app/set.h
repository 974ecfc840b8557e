/* SPDX-License-Identifier: MIT */
/*
 * set.h - the devices of a split region as the transport of one place.
 */
#ifndef APP_SET_H
#define APP_SET_H

#include "app/device.h"

#include <ivsh/set.h>

/*
 * Open the parts of the region whose common memory set->common has. The tables are of the heap, and
 * *said is one of what set_report() has printed. STATUS_DONE; or another status after a line, with
 * set->common still open.
 */
int set_open(const struct machine *machine, struct ivsh_set *set, uint8_t **said);

/* Close all of them, set->common too. */
void set_close(struct ivsh_set *set, uint8_t **said);

/*
 * Find the common memory of a set of which this peer's own part is there, too, and can be written;
 * print nothing. format_id: the set that the place had; while its common memory is there, no other
 * one is meant. 0: any. is_used: another place has the device open, so it is left as it is. False:
 * there is none.
 */
bool set_find(const struct machine *machine, uint64_t format_id, bool (*is_used)(uint32_t function),
    uint32_t *function);

/* Whether the devices of an open set are where they were: two reads of each. */
bool set_is_there(const struct machine *machine, const struct ivsh_set *set);

/* Whether the device at (function) has a part of a split region, or the common memory of one. */
bool set_includes(const struct machine *machine, uint32_t function);

/* Give its functions addresses, where they were plugged in. */
void set_assign(const struct machine *machine);

#endif
