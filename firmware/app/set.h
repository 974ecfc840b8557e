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

/* After an attach, or a probe: one line for each device that is left out and was not printed. */
void set_report(const struct ivsh_set *set, uint8_t *said);

/*
 * Without a server: this peer's slot, (wanted) by --slot or IVSH_SELF_NONE. STATUS_DONE if a part
 * says whose it is, or --slot does; else another status after a line.
 */
int set_self(const struct ivsh_set *set, const char *object, uint32_t wanted);

/* Print why a region was refused, if it is for the own part. False: it is not. */
bool set_refuse(const struct ivsh_set *set, const struct transport *transport, int error);

/*
 * Find the common memory of a set of which this peer's own part is there, too, and can be written;
 * print nothing. False: there is none.
 */
bool set_find(const struct machine *machine, uint32_t *function);

/* Give its functions addresses, where they were plugged in. */
void set_assign(const struct machine *machine);

/* What info prints of the parts. */
void set_show(const struct ivsh_set *set, const struct options *options);

#endif
