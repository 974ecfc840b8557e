/* SPDX-License-Identifier: MIT */
/*
 * dump.h - dump: a region's words, decoded, and the rules of SPEC.md that broken ones violate.
 */
#ifndef OBSERVE_DUMP_H
#define OBSERVE_DUMP_H

#include "app/options.h"
#include "app/world.h"

int dump_command(const struct world *world, const struct options *options);

/* --layout=SLOTS,DESCS,SMALL,LARGE[,LOG]; --payload. */
bool dump_layout_take(const char *text);
bool dump_payload_take(const char *text);

#endif
