/* SPDX-License-Identifier: MIT */
/*
 * isolate.h - giving up what serving does not need.
 */
#ifndef ISOLATE_H
#define ISOLATE_H

#include "config/options.h"

#include <stdbool.h>

/*
 * Become the user that (options) name, and give up all but serving. Should: serve. Mustn't, from
 * here on: name anything in a file system, make sockets or connect them, start programs, trace or
 * signal others, gain privileges. (*filtered): whether a list of system calls keeps it to that;
 * where there is none, that is logged. 0, or -1 after one line.
 */
int isolate(const struct options *options, bool *filtered);

#endif
