/* SPDX-License-Identifier: MIT */
/*
 * bindings.h - slots with a socket of their own.
 */
#ifndef BINDINGS_H
#define BINDINGS_H

#include "config/options.h"

/* Each costs two descriptors; and they are compared with one another. */
#define BINDINGS_MAX 4096u

/*
 * Add "WHO=PATH" or "WHO=PATH,user=USER", from (line) of the file, or 0. (object) is what a line
 * about an error begins with. 0, or -1 after one line.
 */
int bindings_add(struct options *options, const char *object, uint32_t line, const char *text);

/*
 * Give each its slot, when all options are known: numbers take the slots of that number, names then
 * the lowest ones left, in their order. 0, or -1 after one line.
 */
int bindings_bind(struct options *options);

/* log_about() the line of the file that has (bound), if one has. */
void bindings_about(const struct options *options, const struct options_slot *bound);

#endif
